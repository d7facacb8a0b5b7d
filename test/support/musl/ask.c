// Asks the C library for names and addresses, as programs do: one line for each argument.
//   ask [-4|-6] [-n COUNT] NAME|ADDRESS...     -n: each so many times at once; the first answer that differs is an error
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 1024

struct question {
  const char *what;
  int family;
  char answer[8192];
};

static void add(char *answer, const char *word) {
  if (*answer) strcat(answer, " ");
  strcat(answer, word);
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void find_addresses(struct question *question) {
  struct addrinfo hints = {.ai_family = question->family, .ai_socktype = SOCK_STREAM}, *found, *each;
  char text[MOST][INET6_ADDRSTRLEN], *sorted[MOST];
  int code = getaddrinfo(question->what, NULL, &hints, &found), count = 0;
  if (code) {
    sprintf(question->answer, "error %d", code);
    return;
  }
  for (each = found; each && count < MOST; each = each->ai_next, count++) {
    sorted[count] = text[count];
    getnameinfo(each->ai_addr, each->ai_addrlen, text[count], sizeof text[count], NULL, 0, NI_NUMERICHOST);
  }
  freeaddrinfo(found);
  qsort(sorted, count, sizeof *sorted, compare);
  for (int i = 0; i < count; i++) add(question->answer, sorted[i]);
}

static int find_name(struct question *question) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *address;
  char name[NI_MAXHOST];
  if (getaddrinfo(question->what, NULL, &hints, &address)) return 0;
  int code = getnameinfo(address->ai_addr, address->ai_addrlen, name, sizeof name, NULL, 0, NI_NAMEREQD);
  if (code) sprintf(question->answer, "error %d", code);
  else strcpy(question->answer, name);
  freeaddrinfo(address);
  return 1;
}

static void *ask(void *data) {
  if (!find_name(data)) find_addresses(data);
  return NULL;
}

int main(int argc, char **argv) {
  static struct question questions[MOST];
  pthread_t threads[MOST];
  int option, family = AF_UNSPEC, times = 1;
  while ((option = getopt(argc, argv, "46n:")) != -1) {
    if (option == 'n') times = atoi(optarg);
    else family = option == '4' ? AF_INET : option == '6' ? AF_INET6 : AF_UNSPEC;
  }
  for (; optind < argc; optind++) {
    for (int i = 0; i < times; i++) {
      questions[i] = (struct question){.what = argv[optind], .family = family};
      if (pthread_create(&threads[i], NULL, ask, &questions[i])) return 1;
    }
    for (int i = 0; i < times; i++) pthread_join(threads[i], NULL);
    printf("%s: %s\n", argv[optind], questions[0].answer);
    for (int i = 1; i < times; i++) {
      if (strcmp(questions[i].answer, questions[0].answer) == 0) continue;
      printf("another answer: %s\n", questions[i].answer);
      return 1;
    }
  }
  return 0;
}

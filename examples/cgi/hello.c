/* A CGI program: says hello to the name in the query, or gives a POST its body back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
  const char *method = getenv("REQUEST_METHOD");
  const char *query = getenv("QUERY_STRING");
  puts("Content-Type: text/plain\n");
  if (method != NULL && strcmp(method, "POST") == 0) {
    int byte;
    while ((byte = getchar()) != EOF) putchar(byte);
    return 0;
  }
  printf("hello, %s\n", query == NULL || *query == '\0' ? "world" : query);
  return 0;
}

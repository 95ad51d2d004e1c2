/* A load generator that reads every answer whole and believes none: one thread, epoll, HTTP/1.1 keep-alive.
 *
 *     load closed  --port P --concurrency C --seconds T      the next request when the last one was answered
 *     load open    --port P --concurrency C --seconds T --rate R   at a fixed rate; a request's time counts from
 *                                                            when it was to be sent, also when that was late
 *     load count   --port P --concurrency C --requests N     N requests as fast as they are answered
 *     load streams --port P --concurrency C --rounds R --events N [--stagger-us U]   C streams at a time
 *     load idle    --port P --concurrency C                  C connections, one request each, then held until
 *                                                            standard input ends
 *     also: --path /v1/chat/completions, --model NAME, --key KEY, --size 1024 (bytes of a request's body),
 *           --timeout-s 60, --header "NAME: VALUE" (again for more), --retry-s S (a server that does not listen yet is
 *           tried again for so long), --busy 1 (never sleep, as upstream --busy)
 *
 * An answer counts when its status is 200, its framing is whole, and it holds what upstream.c says: the sentence
 * and the request's own nonce, a finish_reason; for a stream every item in order, finish_reason and [DONE].
 * Prints one JSON object: count, failures by kind, seconds, latencies in microseconds (a histogram with 0.8 %
 * wide buckets). Exit status: 0 it ran, whatever the answers were; 2 it could not.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	NONCE = 16,
	FIRST_SIZE = 4096,
	ANSWER_MAX = 4 * 1024 * 1024,
	READY_MAX = 512,
	AT_ONCE = 32, /* requests and new connections of `idle` */
	SUB_BITS = 7, /* buckets for each power of two: 128 */
	BUCKETS = (64 - SUB_BITS) << SUB_BITS
};

#define TEXT \
	"The service behind this gateway answers at once, always with the same words, so that what is measured is " \
	"the gateway and nothing else. It says which request it answers: "

enum mode { CLOSED, OPEN, COUNT, STREAMS, IDLE };
enum fault { CONNECT, STATUS, FRAMING, CUT, CONTENT, END, TIMEOUT, FAULTS };
static const char *fault_names[FAULTS] = {"connect", "status", "framing", "cut", "content", "end", "timeout"};

enum phase { DEAD, CONNECTING, RESTING, HEAD, LENGTH, SIZE, CHUNK, CHUNK_END, TRAILER };

struct connection {
	int fd;
	enum phase phase;
	int wants_output;
	int closes;       /* the server closes after this answer */
	int rounds;       /* streams begun */
	int64_t begun_ns; /* when the request was, or was to be, sent */
	int64_t sent_ns;
	int64_t first_ns; /* first byte of the answer */
	char *request;
	size_t request_sent;
	char *in;         /* what came and is not read yet */
	size_t in_size, in_used;
	char *body;
	size_t body_size, body_used;
	size_t left;      /* bytes to come of the body or the chunk */
	int status;
	char nonce[NONCE + 1];
};

static enum mode mode;
static int port, concurrency = 1, rounds = 1, events_number = 50, rate, retry_s, busy_polls;
static long requests_max;
static double seconds = 5, timeout_s = 60;
static int64_t stagger_ns;
static char extra_headers[2048];
static char *request_text;
static size_t request_size, nonce_at;
static struct sockaddr_in address;
static int poll_fd, timer_fd;
static struct connection *connections;
static long begun, completed, failed, faults[FAULTS], reconnects, reads, bytes, events, open_now;
static char first_fault[400];
static int64_t start_ns, end_ns, last_ns;
static int stopping;
static uint64_t seed;
static uint32_t latency[BUCKETS], first_byte[BUCKETS];
static int64_t latency_max, first_byte_max;

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int bucket(uint64_t value)
{
	if (value < (1 << SUB_BITS))
		return value;
	int shift = 63 - __builtin_clzll(value) - SUB_BITS;
	return ((shift + 1) << SUB_BITS) + (int)((value >> shift) - (1 << SUB_BITS));
}

/* The middle of a bucket. */
static double bucket_value(int index)
{
	if (index < (1 << SUB_BITS))
		return index;
	int shift = (index >> SUB_BITS) - 1;
	uint64_t low = (uint64_t)((1 << SUB_BITS) + (index & ((1 << SUB_BITS) - 1))) << shift;
	return low + (double)((uint64_t)1 << shift) / 2;
}

static void record(uint32_t *histogram, int64_t *most, int64_t value)
{
	if (value < 0)
		value = 0;
	histogram[bucket(value)]++;
	if (value > *most)
		*most = value;
}

static double quantile_us(const uint32_t *histogram, int64_t most, double share)
{
	uint64_t all = 0, passed = 0;
	for (int i = 0; i < BUCKETS; i++)
		all += histogram[i];
	if (!all)
		return 0;
	uint64_t wanted = (uint64_t)(share * (all - 1)) + 1;
	for (int i = 0; i < BUCKETS; i++) {
		passed += histogram[i];
		if (passed >= wanted)
			return bucket_value(i) < most ? bucket_value(i) / 1000 : most / 1000.0;
	}
	return 0;
}

static uint64_t next_random(void)
{
	seed += 0x9E3779B97F4A7C15u;
	uint64_t z = seed;
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static void make_request(const char *path, const char *model, const char *key, int size)
{
	char head[4096], fixed[1024];
	int stream = mode == STREAMS;
	int fixed_size = snprintf(fixed, sizeof fixed,
		"{\"model\":\"%s\",%s\"messages\":[{\"role\":\"system\",\"content\":\"You are a careful assistant.\"},"
		"{\"role\":\"user\",\"content\":\"[nonce 0000000000000000] \"}],\"temperature\":0.2,\"max_tokens\":256}",
		model, stream ? "\"stream\":true,\"stream_options\":{\"include_usage\":true}," : "");
	int padding = size > fixed_size ? size - fixed_size : 0;
	int length = fixed_size + padding;
	int head_size = snprintf(head, sizeof head,
		"POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\naccept: application/json\r\naccept-encoding: identity\r\n"
		"content-type: application/json\r\nauthorization: Bearer %s\r\nuser-agent: bench\r\n%scontent-length: %d\r\n\r\n",
		path, port, key, extra_headers, length);
	request_size = head_size + length;
	request_text = malloc(request_size + 1);
	if (!request_text)
		die("malloc");
	char *mark = strstr(fixed, "0000000000000000] ");
	size_t before = mark + NONCE + 2 - fixed;
	memcpy(request_text, head, head_size);
	memcpy(request_text + head_size, fixed, before);
	static const char words[] = "Please summarise what the service said, in plain words, and leave nothing out. ";
	for (int i = 0; i < padding; i++)
		request_text[head_size + before + i] = words[i % (sizeof words - 1)];
	memcpy(request_text + head_size + before + padding, fixed + before, fixed_size - before);
	nonce_at = head_size + (mark - fixed);
}

static void note(struct connection *c, enum fault fault, const char *what)
{
	faults[fault]++;
	failed++;
	if (*first_fault)
		return;
	int used = snprintf(first_fault, sizeof first_fault, "%s: %s; status %d, %zu bytes: ", fault_names[fault], what,
		c->status, c->body_used);
	for (size_t i = 0; i < c->body_used && i < 160 && used < (int)sizeof first_fault - 2; i++) {
		unsigned char b = c->body[i];
		first_fault[used++] = b < 32 || b > 126 || b == '"' || b == '\\' ? '.' : b;
	}
}

static void watch_output(struct connection *c, int wanted)
{
	if (c->wants_output == wanted)
		return;
	struct epoll_event e = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = c};
	epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &e);
	c->wants_output = wanted;
}

static void disconnect(struct connection *c)
{
	if (c->phase == DEAD)
		return;
	close(c->fd);
	c->phase = DEAD;
	c->in_used = c->body_used = 0;
	open_now--;
}

static void connect_again(struct connection *c)
{
	int on = 1;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->phase = CONNECTING;
	c->wants_output = 1;
	c->closes = 0;
	c->in_used = c->body_used = 0;
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &e);
	open_now++;
	if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
		die("connect");
}

static void begin(struct connection *c, int64_t intended_ns)
{
	begun++;
	c->begun_ns = intended_ns;
	c->sent_ns = now_ns();
	c->first_ns = 0;
	c->status = 0;
	c->request_sent = 0;
	c->body_used = 0;
	c->phase = HEAD;
	snprintf(c->nonce, sizeof c->nonce, "%016llu", (unsigned long long)(next_random() % 10000000000000000u));
	memcpy(c->request + nonce_at, c->nonce, NONCE);
}

/* -1 when the connection broke. */
static int transmit(struct connection *c)
{
	ssize_t sent = send(c->fd, c->request + c->request_sent, request_size - c->request_sent, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		return -1;
	if (sent > 0)
		c->request_sent += sent;
	watch_output(c, c->request_sent < request_size);
	return 0;
}

static int64_t due_ns(long number)
{
	return start_ns + (int64_t)((double)number * 1e9 / rate);
}

/* What a connection that has nothing to do does next. */
static void go_on(struct connection *c)
{
	int64_t now = now_ns();
	switch (mode) {
	case CLOSED:
		if (now < end_ns)
			begin(c, now);
		break;
	case OPEN:
		if (due_ns(begun) < end_ns && due_ns(begun) <= now)
			begin(c, due_ns(begun));
		break;
	case COUNT:
		if (begun < requests_max)
			begin(c, now);
		break;
	case STREAMS: {
		long index = c - connections;
		if (!c->rounds && now < start_ns + stagger_ns * index / concurrency)
			return;
		if (c->rounds < rounds) {
			c->rounds++;
			begin(c, now);
		}
		break;
	}
	case IDLE:
		/* Ten thousand requests at the same moment are another test. */
		if (!c->rounds && begun - completed - failed < AT_ONCE) {
			c->rounds++;
			begin(c, now);
		}
	}
	if (c->phase == HEAD && transmit(c) < 0) {
		note(c, CUT, "the connection broke while the request was sent");
		disconnect(c);
	}
}

/* Whether braces and brackets outside strings add up: an answer that was cut and repaired does not pass. */
static int whole_json(const char *text, size_t size)
{
	int depth = 0, quoted = 0;
	if (!size || text[0] != '{')
		return 0;
	for (size_t i = 0; i < size; i++) {
		char b = text[i];
		if (quoted) {
			if (b == '\\')
				i++;
			else if (b == '"')
				quoted = 0;
		} else if (b == '"') {
			quoted = 1;
		} else if (b == '{' || b == '[') {
			depth++;
		} else if (b == '}' || b == ']') {
			if (--depth == 0)
				return i + 1 == size || strspn(text + i + 1, " \r\n") == size - i - 1;
		}
	}
	return 0;
}

static int holds(const struct connection *c, const char *text, const char *spaced)
{
	return memmem(c->body, c->body_used, text, strlen(text)) || memmem(c->body, c->body_used, spaced, strlen(spaced));
}

static void judge_plain(struct connection *c)
{
	char *text = memmem(c->body, c->body_used, TEXT, sizeof TEXT - 1);
	c->body[c->body_used] = 0;
	if (!text)
		note(c, CONTENT, "the text is not whole");
	else if (memcmp(text + sizeof TEXT - 1, c->nonce, NONCE))
		note(c, CONTENT, "the answer to another request");
	else if (!holds(c, "\"finish_reason\":\"stop\"", "\"finish_reason\": \"stop\""))
		note(c, END, "no finish_reason");
	else if (!whole_json(c->body, c->body_used))
		note(c, END, "the JSON is not whole");
}

static void judge_stream(struct connection *c)
{
	const char *at = c->body, *end = c->body + c->body_used;
	char item[32];
	if (!(at = memmem(at, end - at, "data:", 5)) || !memmem(at, end - at, c->nonce, NONCE)) {
		note(c, CONTENT, "the answer to another request");
		return;
	}
	for (int i = 0; i < events_number - 1; i++) {
		int size = sprintf(item, " item%02d\"", i);
		at = memmem(at, end - at, item, size);
		if (!at) {
			note(c, CONTENT, "an item is missing or out of order");
			return;
		}
	}
	if (!holds(c, "\"finish_reason\":\"stop\"", "\"finish_reason\": \"stop\""))
		note(c, END, "no finish_reason");
	else if (!holds(c, "data: [DONE]\n", "data:[DONE]\n"))
		note(c, END, "no [DONE]");
	for (at = c->body; (at = memmem(at, end - at, "\"delta\"", 7)); at += 7)
		events++;
}

static void finished(struct connection *c)
{
	int64_t now = now_ns();
	long before = failed;
	if (c->status != 200)
		note(c, STATUS, "not 200");
	else if (mode == STREAMS)
		judge_stream(c);
	else
		judge_plain(c);
	completed += failed == before;
	last_ns = now;
	record(latency, &latency_max, now - c->begun_ns);
	record(first_byte, &first_byte_max, c->first_ns - c->sent_ns);
	c->phase = RESTING;
	if (c->closes) {
		disconnect(c);
		reconnects++;
	}
}

static void *grown(void *buffer, size_t *size, size_t wanted)
{
	if (*size >= wanted)
		return buffer;
	while (*size < wanted)
		*size = *size ? *size * 2 : FIRST_SIZE;
	buffer = realloc(buffer, *size);
	if (!buffer)
		die("realloc");
	return buffer;
}

static void keep(struct connection *c, const char *from, size_t size)
{
	c->body = grown(c->body, &c->body_size, c->body_used + size + 1);
	memcpy(c->body + c->body_used, from, size);
	c->body_used += size;
}

/* -1: the framing is not to be understood. Reads the head that ends at `end`. */
static int read_head(struct connection *c, char *head, char *end)
{
	long length = -1;
	int chunked = 0;
	*end = 0;
	if (strncmp(head, "HTTP/1.1 ", 9))
		return -1;
	c->status = atoi(head + 9);
	for (char *line = strchr(head, '\n'); line; line = strchr(line, '\n')) {
		line++;
		if (!strncasecmp(line, "content-length:", 15))
			length = atol(line + 15);
		else if (!strncasecmp(line, "transfer-encoding:", 18))
			chunked = !strncasecmp(line + 18 + strspn(line + 18, " "), "chunked", 7);
		else if (!strncasecmp(line, "connection:", 11))
			c->closes = !strncasecmp(line + 11 + strspn(line + 11, " "), "close", 5);
	}
	if (chunked == (length >= 0))
		return -1;
	c->left = length;
	c->phase = chunked ? SIZE : LENGTH;
	return 0;
}

/* Takes what is whole from the buffer: 0 more is needed, 1 the answer has ended, -1 bad framing. */
static int take(struct connection *c)
{
	size_t at = 0;
	int result = 0;
	while (!result) {
		char *from = c->in + at, *end;
		size_t got = c->in_used - at, part;
		if (c->phase == HEAD) {
			if (!(end = memmem(from, got, "\r\n\r\n", 4)))
				break;
			at += end + 4 - from;
			if (read_head(c, from, end) < 0)
				result = -1;
		} else if (c->phase == LENGTH || c->phase == CHUNK) {
			part = got < c->left ? got : c->left;
			keep(c, from, part);
			at += part;
			c->left -= part;
			if (c->left)
				break;
			if (c->phase == LENGTH)
				result = 1;
			c->phase = CHUNK_END;
		} else {
			if (!(end = memchr(from, '\n', got)))
				break;
			at += end + 1 - from;
			if (c->phase == SIZE) {
				char *after;
				c->left = strtoul(from, &after, 16);
				if (after == from || (*after != '\r' && *after != ';'))
					result = -1;
				c->phase = c->left ? CHUNK : TRAILER;
			} else if (end - from > 1 && c->phase == CHUNK_END) {
				result = -1;
			} else if (c->phase == CHUNK_END) {
				c->phase = SIZE;
			} else if (end - from == 1) {
				result = 1; /* the empty line after the trailers */
			}
		}
		if (c->body_used > ANSWER_MAX)
			result = -1;
	}
	memmove(c->in, c->in + at, c->in_used - at);
	c->in_used -= at;
	return result;
}

static void broken(struct connection *c)
{
	if (c->phase == CONNECTING) {
		if (!retry_s || now_ns() > start_ns + retry_s * 1000000000L)
			note(c, CONNECT, "no connection");
		else
			usleep(1000);
	} else if (c->phase == RESTING) {
		reconnects++;
	} else {
		note(c, CUT, c->phase == HEAD ? "closed without an answer" : "closed within an answer");
		last_ns = now_ns();
	}
	disconnect(c);
}

static void receive(struct connection *c)
{
	c->in = grown(c->in, &c->in_size, c->in_used + FIRST_SIZE);
	ssize_t got = recv(c->fd, c->in + c->in_used, c->in_size - c->in_used, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		broken(c);
		return;
	}
	reads++;
	bytes += got;
	if (c->phase == RESTING) {
		note(c, FRAMING, "bytes that nobody asked for");
		disconnect(c);
		return;
	}
	if (c->phase == HEAD && !c->first_ns)
		c->first_ns = now_ns();
	c->in_used += got;
	int result = take(c);
	if (result < 0) {
		note(c, FRAMING, "framing that can't be understood");
		disconnect(c);
	} else if (result) {
		if (c->in_used) {
			note(c, FRAMING, "more bytes than an answer has");
			disconnect(c);
			return;
		}
		finished(c);
		if (c->phase == RESTING)
			go_on(c);
	}
}

static void ready(struct connection *c, uint32_t happened)
{
	if (c->phase == CONNECTING) {
		int error = 0;
		socklen_t size = sizeof error;
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error) {
			broken(c);
			return;
		}
		if (!(happened & EPOLLOUT))
			return;
		c->phase = RESTING;
		watch_output(c, 0);
		go_on(c);
		return;
	}
	if (c->phase != DEAD && happened & EPOLLOUT && c->phase == HEAD && transmit(c) < 0)
		broken(c);
	if (c->phase != DEAD && happened & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(c);
}

static int more_to_begin(int64_t now)
{
	switch (mode) {
	case CLOSED: return now < end_ns;
	case OPEN: return due_ns(begun) < end_ns;
	case COUNT: return begun < requests_max;
	case STREAMS: return begun < (long)concurrency * rounds;
	case IDLE: return begun < concurrency;
	}
	return 0;
}

/* Looks after every connection: who is late, who is to begin, who is to connect. Returns how many are at work. */
static int look_round(int64_t now, int thoroughly)
{
	int busy = 0, more = more_to_begin(now), connects = mode == IDLE ? AT_ONCE : concurrency;
	for (int i = 0; i < concurrency; i++) {
		struct connection *c = &connections[i];
		if (thoroughly && c->phase >= HEAD && now - c->sent_ns > timeout_s * 1e9) {
			note(c, TIMEOUT, "no answer in time");
			disconnect(c);
		}
		if (more && c->phase == RESTING)
			go_on(c);
		if (c->phase == DEAD && more && !stopping && (mode != STREAMS || c->rounds < rounds) && connects-- > 0)
			connect_again(c);
		busy += c->phase >= HEAD || (c->phase == CONNECTING && more);
		if (mode == OPEN && more && due_ns(begun) > now && !thoroughly)
			break;
	}
	return busy;
}

static void set_timer(int64_t at)
{
	struct itimerspec t = {.it_value = {at / 1000000000, at % 1000000000}};
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static void run(void)
{
	int64_t looked_ns = 0, tick_ns = 20000000;
	int busy = 1;
	for (;;) {
		int64_t now = now_ns();
		int thoroughly = now - looked_ns >= tick_ns;
		if (mode == OPEN ? due_ns(begun) <= now || thoroughly : thoroughly) {
			int found = look_round(now, thoroughly);
			if (thoroughly) {
				looked_ns = now;
				busy = found;
				stopping = (failed > 100 && !completed) || faults[CONNECT] > (completed ? 1000 : 20);
			}
		}
		if (thoroughly && !busy && (stopping || !more_to_begin(now)))
			return;
		if (stopping && thoroughly)
			return;
		int64_t wake = looked_ns + tick_ns;
		if (mode == OPEN && more_to_begin(now) && due_ns(begun) > now && due_ns(begun) < wake)
			wake = due_ns(begun);
		if (mode == STREAMS && begun < concurrency) {
			int64_t next = start_ns + stagger_ns * (begun + 1) / concurrency;
			tick_ns = 200000;
			wake = next > now && next < wake ? next : now + 200000;
		} else {
			tick_ns = mode == IDLE ? 1000000 : 20000000;
		}
		if (retry_s && !begun && !open_now)
			wake = now + (tick_ns = 1000000);
		if (!busy_polls)
			set_timer(wake);
		struct epoll_event happened[READY_MAX];
		int number = epoll_wait(poll_fd, happened, READY_MAX, busy_polls ? 0 : 1000);
		if (!number)
			sched_yield(); /* the upstream has the same core */
		for (int i = 0; i < number; i++)
			if (happened[i].data.ptr)
				ready(happened[i].data.ptr, happened[i].events);
	}
}

static void print_latencies(const char *name, const uint32_t *histogram, int64_t most)
{
	printf(",\"%s\":{\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f}", name,
		quantile_us(histogram, most, 0.5), quantile_us(histogram, most, 0.9), quantile_us(histogram, most, 0.99),
		quantile_us(histogram, most, 0.999), most / 1000.0);
}

static void report(const char *name)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	printf("{\"mode\":\"%s\",\"count\":%ld,\"begun\":%ld,\"failures\":%ld,\"faults\":{", name, completed, begun, failed);
	for (int i = 0; i < FAULTS; i++)
		printf("%s\"%s\":%ld", i ? "," : "", fault_names[i], faults[i]);
	printf("},\"first_fault\":\"%s\",\"seconds\":%.6f,\"events\":%ld,\"reads\":%ld,\"bytes\":%ld,\"reconnects\":%ld,"
		"\"open\":%ld,\"cpu_s\":%.3f",
		first_fault, (last_ns - start_ns) / 1e9, events, reads, bytes, reconnects, open_now,
		used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
	print_latencies("latency", latency, latency_max);
	print_latencies("first_byte", first_byte, first_byte_max);
	printf("}\n");
	fflush(stdout);
}

static const char *text_after(int argc, char **argv, int *at)
{
	if (*at + 1 >= argc) {
		fprintf(stderr, "load: %s needs a value\n", argv[*at]);
		exit(2);
	}
	return argv[++*at];
}

int main(int argc, char **argv)
{
	static const char *names[] = {"closed", "open", "count", "streams", "idle"};
	const char *path = "/v1/chat/completions", *model = "gpt-4o-mini", *key = "sk-bench";
	int size = 1024, known = 0;
	for (mode = CLOSED; argc > 1 && mode <= IDLE; mode++)
		if (!strcmp(argv[1], names[mode])) {
			known = 1;
			break;
		}
	for (int i = 2; known && i < argc; i++) {
		const char *option = argv[i], *value = text_after(argc, argv, &i);
		if (!strcmp(option, "--port")) port = atoi(value);
		else if (!strcmp(option, "--concurrency")) concurrency = atoi(value);
		else if (!strcmp(option, "--seconds")) seconds = atof(value);
		else if (!strcmp(option, "--rate")) rate = atoi(value);
		else if (!strcmp(option, "--requests")) requests_max = atol(value);
		else if (!strcmp(option, "--rounds")) rounds = atoi(value);
		else if (!strcmp(option, "--events")) events_number = atoi(value);
		else if (!strcmp(option, "--stagger-us")) stagger_ns = atol(value) * 1000;
		else if (!strcmp(option, "--timeout-s")) timeout_s = atof(value);
		else if (!strcmp(option, "--retry-s")) retry_s = atoi(value);
		else if (!strcmp(option, "--busy")) busy_polls = atoi(value);
		else if (!strcmp(option, "--path")) path = value;
		else if (!strcmp(option, "--model")) model = value;
		else if (!strcmp(option, "--key")) key = value;
		else if (!strcmp(option, "--size")) size = atoi(value);
		else if (!strcmp(option, "--header") && strlen(extra_headers) + strlen(value) + 3 < sizeof extra_headers)
			strcat(strcat(extra_headers, value), "\r\n");
		else known = 0;
	}
	if (!known || !port || concurrency < 1 || (mode == OPEN && !rate) || (mode == COUNT && !requests_max)) {
		fprintf(stderr, "load: usage is at the top of load.c\n");
		return 2;
	}
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < (rlim_t)concurrency + 16) {
		fprintf(stderr, "load: only %ld files may be open\n", (long)files.rlim_cur);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1000);
	make_request(path, model, key, size);
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer_fd, &e);
	connections = calloc(concurrency, sizeof *connections);
	seed = now_ns() ^ ((uint64_t)getpid() << 32);
	for (int i = 0; i < concurrency; i++) {
		connections[i].request = malloc(request_size);
		memcpy(connections[i].request, request_text, request_size);
	}
	start_ns = last_ns = now_ns();
	end_ns = start_ns + (int64_t)(seconds * 1e9);
	run();
	report(names[mode]);
	if (mode == IDLE) {
		char rest[64];
		while (read(0, rest, sizeof rest) > 0)
			;
	}
	return 0;
}

#include "bench/requests.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>

#include <unistd.h>

#include "support/catch.h"

using namespace policymux;

namespace {

// A file that is gone when the test is over.
class File {
 public:
  explicit File(std::string_view text) {
    ::close(::mkstemp(path.data()));
    std::ofstream{path, std::ios::binary} << text;
  }
  ~File() { std::remove(path.c_str()); }
  std::string path = "/tmp/policymux-requests-XXXXXX";
};

}  // namespace

TEST_CASE("the same seed gives the same requests") {
  const auto a = generate_requests(7, 50), b = generate_requests(7, 50), c = generate_requests(8, 50);
  for (std::size_t i = 0; i < 50; ++i) CHECK(a[i] == b[i]);
  CHECK(a[0] != c[0]);
}

TEST_CASE("generated requests look like Postfix's, and vary") {
  const auto pool = generate_requests(1, 200);
  REQUIRE(pool.size() == 200);
  std::set<std::string_view> different;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    const auto request = pool[i];
    different.insert(request);
    CHECK(request.starts_with("request=smtpd_access_policy\nprotocol_state=RCPT\n"));
    CHECK(request.find("\n\n") == request.size() - 2);
    CHECK(std::count(request.begin(), request.end(), '\n') == 32);  // 31 attributes and the empty line
  }
  CHECK(different.size() == 200);
}

TEST_CASE("a request can be made one about another message") {
  RequestPool pool;
  pool.add("sender=a\n\n");
  pool.add("instance=1\n\n");  // the first attribute is request=, always
  pool.add("sender=a\ninstance=1f.fe.0\nsize=1\n\n");
  for (std::size_t i = 0; i < pool.size(); ++i) pool.renew(i);
  CHECK(pool[0] == "sender=a\n\n");
  CHECK(pool[1] == "instance=1\n\n");
  CHECK(pool[2] == "sender=a\ninstance=1f.fe.1\nsize=1\n\n");
  for (int n = 0; n < 15; ++n) pool.renew(2);
  CHECK(pool[2] == "sender=a\ninstance=1f.ff.0\nsize=1\n\n");
  for (int n = 0; n < 16; ++n) pool.renew(2);
  CHECK(pool[2] == "sender=a\ninstance=20.00.0\nsize=1\n\n");
}

TEST_CASE("a file of requests is cut at its empty lines") {
  const File file{"a=1\n\nb=2\nc=3\n\n"};
  const auto pool = read_requests(file.path);
  REQUIRE(pool);
  REQUIRE(pool->size() == 2);
  CHECK((*pool)[0] == "a=1\n\n");
  CHECK((*pool)[1] == "b=2\nc=3\n\n");
}

TEST_CASE("what is wrong with a file of requests is said") {
  CHECK(read_requests("/nonexistent/file").error() == "/nonexistent/file: No such file or directory");
  const File empty{""}, cut{"a=1\n\nb=2\n"};
  CHECK(read_requests(empty.path).error() == empty.path + ": holds no request");
  CHECK(read_requests(cut.path).error() == cut.path + ": the last request has no empty line at its end");
}

#include "upstream/request_text.h"

#include "proto/parser.h"
#include "support/catch.h"

using namespace policymux;

namespace {

std::string passed_on(const std::string& request) {
  RequestParser parser;
  REQUIRE(parser.parse(request) == ParseStatus::complete);
  std::string rewritten;
  return std::string{request_text(parser.request(), rewritten)};
}

}  // namespace

TEST_CASE("attributes are passed on exactly as they came, in order, unknown and repeated ones and 8 KiB values too") {
  const std::string requests[] = {
      "request=smtpd_access_policy\nsender=a@b\n\n",
      "sender=b\nrequest=smtpd_access_policy\nsender=a\nx-new=1\nempty=\nccert_subject=a=b c\xff\xc3\xa4\n\n",
      "request=smtpd_access_policy\nbig=" + std::string(8'192, 'x') + "\nlast=\n\n",
  };
  for (const auto& request : requests) CHECK(passed_on(request) == request);
}

TEST_CASE("a missing request= is added when passed to another service; CR is never sent") {
  CHECK(passed_on("sender=a\r\nhelo_name=h\r\n\r\n") == "request=smtpd_access_policy\nsender=a\nhelo_name=h\n\n");
}

TEST_CASE("what Postfix sends is not copied") {
  const std::string request = "request=smtpd_access_policy\nsender=a@b\n\n";
  RequestParser parser;
  REQUIRE(parser.parse(request) == ParseStatus::complete);
  std::string rewritten;
  CHECK(request_text(parser.request(), rewritten).data() == request.data());
}

TEST_CASE("the request of an active check") {
  CHECK(request_text(std::vector<std::string>{"a=1", "b="}) == "request=smtpd_access_policy\na=1\nb=\n\n");
  CHECK(request_text(std::vector<std::string>{"a=1", "request=x"}) == "a=1\nrequest=x\n\n");
}

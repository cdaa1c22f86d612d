#include "proto/parser.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/count_allocations.h"

using namespace policymux;

namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

Attributes attributes_of(const Request& request) {
  Attributes all;
  for (std::size_t i = 0; i < request.size(); ++i) all.emplace_back(request.name_at(i), request.value_at(i));
  return all;
}

std::string dump(const Attributes& attributes) {
  std::string out;
  for (const auto& [name, value] : attributes) out += name + '=' + value + '\n';
  return out + '\n';
}

struct Outcome {
  std::vector<Attributes> requests{};
  std::optional<Malformed> problem{};
  bool operator==(const Outcome&) const = default;
};

// What comes of a stream that arrives in pieces, which end at `cuts` (ascending). Each piece is read into
// new memory, so that nothing can hold on to the old.
Outcome parse_in_pieces(std::string_view stream, const std::vector<std::size_t>& cuts, RequestLimits limits = {}) {
  Outcome outcome;
  RequestParser parser{limits};
  std::size_t begin = 0;
  std::vector<std::size_t> ends{cuts};
  ends.push_back(stream.size());
  for (const auto end : ends) {
    while (begin < end) {
      const std::vector<char> input(stream.begin() + static_cast<std::ptrdiff_t>(begin),
                                    stream.begin() + static_cast<std::ptrdiff_t>(end));
      const auto status = parser.parse({input.data(), input.size()});
      if (status == ParseStatus::incomplete) break;
      if (status == ParseStatus::malformed) {
        outcome.problem = parser.problem();
        return outcome;
      }
      const Request& request = parser.request();
      outcome.requests.push_back(attributes_of(request));
      REQUIRE(request.raw() == stream.substr(begin, request.raw().size()));
      begin += request.raw().size();
    }
  }
  return outcome;
}

// The slow, obvious parser that the other must agree with.
Outcome parse_plainly(std::string_view stream, RequestLimits limits = {}) {
  Outcome outcome;
  Attributes attributes;
  std::size_t begin = 0, line_at = 0;
  const auto malformed = [&](Malformed why) { outcome.problem = why; return outcome; };
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    if (at - begin >= limits.max_request_bytes) return malformed(Malformed::too_long);
    if (at == stream.size()) break;
    if (stream[at] == '\0') return malformed(Malformed::nul_byte);
    if (stream[at] != '\n') continue;
    auto line = stream.substr(line_at, at - line_at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line_at = at + 1;
    if (line.empty()) {
      if (attributes.empty()) return malformed(Malformed::empty_request);
      outcome.requests.push_back(std::exchange(attributes, {}));
      begin = at + 1;
      continue;
    }
    const auto equals = line.find('=');
    if (equals == line.npos) return malformed(Malformed::no_equals_sign);
    if (equals == 0) return malformed(Malformed::empty_name);
    if (attributes.size() == limits.max_attributes) return malformed(Malformed::too_many_attributes);
    attributes.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  return outcome;
}

std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

std::vector<std::string> sample_streams() {
  std::vector<std::string> streams;
  for (const auto& entry : std::filesystem::directory_iterator{TEST_DATA "/requests"}) {
    std::ostringstream text;
    text << std::ifstream{entry.path(), std::ios::binary}.rdbuf();
    streams.push_back(std::move(text).str());
  }
  return streams;
}

}  // namespace

TEST_CASE("what a real Postfix sends parses and round-trips, cut at every byte") {
  const auto streams = sample_streams();
  REQUIRE(streams.size() >= 9);
  for (const auto& stream : streams) {
    const auto whole = parse_in_pieces(stream, {});
    CAPTURE(stream);
    REQUIRE_FALSE(whole.problem);
    REQUIRE(whole == parse_plainly(stream));
    std::string again;
    for (const auto& request : whole.requests) again += dump(request);
    REQUIRE(again == stream);
    REQUIRE(parse_in_pieces(stream, every_byte(stream.size())) == whole);
    for (std::size_t cut = 1; cut < stream.size(); ++cut) REQUIRE(parse_in_pieces(stream, {cut}) == whole);
  }
}

TEST_CASE("a request is cut into names and values") {
  struct Case { std::string_view text; Attributes want; };
  const Case cases[] = {
      {"a=b\n\n", {{"a", "b"}}},
      {"a=\n\n", {{"a", ""}}},                                          // a value may be empty
      {"a=b=c\n\n", {{"a", "b=c"}}},                                    // and may contain '='
      {"a==\n\n", {{"a", "="}}},
      {"a = b \n\n", {{"a ", " b "}}},                                  // blanks belong to names and values
      {"a=b\r\n\r\n", {{"a", "b"}}},                                    // CRLF from humans
      {"a=b\r\r\nc=\rd\n\n", {{"a", "b\r"}, {"c", "\rd"}}},             // one CR, and only before LF
      {"a=\r\n\n", {{"a", ""}}},
      {"sender=\xc3\xa4@\xff\n\n", {{"sender", "\xc3\xa4@\xff"}}},      // values are bytes
      {"\r=1\n\n", {{"\r", "1"}}},
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    const Outcome expected{.requests = {want}};
    CHECK(parse_plainly(text) == expected);
    CHECK(parse_in_pieces(text, {}) == expected);
    CHECK(parse_in_pieces(text, every_byte(text.size())) == expected);
  }
}

TEST_CASE("every way to be malformed has its name") {
  using namespace std::string_literals;
  struct Case { std::string text; Malformed want; };
  const Case cases[] = {
      {"a=b\0\n\n"s, Malformed::nul_byte},
      {"\0"s, Malformed::nul_byte},
      {"a=1\n"s + std::string(70, 'x') + "\0"s, Malformed::nul_byte},
      {"a=b\nc\n\n", Malformed::no_equals_sign},
      {"GET / HTTP/1.1\r\n", Malformed::no_equals_sign},
      {"a=b\n\r\r\n", Malformed::no_equals_sign},
      {"nothing\n\0"s, Malformed::no_equals_sign},                      // the first damage is told
      {"=b\n\n", Malformed::empty_name},
      {"a=b\n=\n\n", Malformed::empty_name},
      {"\n", Malformed::empty_request},
      {"\r\n", Malformed::empty_request},
      {"a=" + std::string(98, 'x'), Malformed::too_long},
      {"a=" + std::string(97, 'x') + "\n\n", Malformed::too_long},
      {"a=1\nb=2\nc=3\nd=4\n\n", Malformed::too_many_attributes},
  };
  const RequestLimits limits{.max_request_bytes = 100, .max_attributes = 3};
  for (const auto& [text, want] : cases) {
    CAPTURE(text, to_string(want));
    const Outcome expected{.problem = want};
    CHECK(parse_plainly(text, limits) == expected);
    CHECK(parse_in_pieces(text, {}, limits) == expected);
    CHECK(parse_in_pieces(text, every_byte(text.size()), limits) == expected);
    const auto second = parse_in_pieces("ok=1\n\n" + text, {}, limits);  // damage does not reach back
    CHECK(second.requests.size() == 1);
    CHECK(second.problem == want);
  }
}

TEST_CASE("a request as long as the limits allow is no mistake") {
  const RequestLimits limits{.max_request_bytes = 100, .max_attributes = 3};
  CHECK(parse_in_pieces("a=" + std::string(96, 'x') + "\n\n", {}, limits).requests.size() == 1);
  CHECK(parse_in_pieces("a=1\na=2\na=3\n\n", {}, limits).requests.size() == 1);
}

TEST_CASE("any stream parses as the plain parser says, however it is cut") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  const auto below = [&](std::size_t n) { return random() % n; };
  static constexpr std::string_view pieces[] = {"a", "sender", "request", "=", "=", "=", "\n", "\n", "\r\n", "\n\n",
                                                "recipient=x@y\n", "queue_id=\n", "instance=1\r\n", "\r", " "};
  const RequestLimits limits{.max_request_bytes = 200, .max_attributes = 9};
  for (int round = 0; round < 5000; ++round) {
    std::string stream;
    for (auto n = below(40); n > 0; --n) {
      if (below(300) == 0) stream += '\0';
      if (below(100) == 0) stream.append(below(150), 'v');
      stream += pieces[below(std::size(pieces))];
    }
    std::vector<std::size_t> cuts;
    for (std::size_t at = 0; (at += 1 + below(90)) < stream.size();) cuts.push_back(at);
    CAPTURE(stream, cuts);
    const auto want = parse_plainly(stream, limits);
    REQUIRE(parse_in_pieces(stream, {}, limits) == want);
    REQUIRE(parse_in_pieces(stream, cuts, limits) == want);
  }
}

TEST_CASE("a copy of a parser goes on where the original stands") {
  const std::string stream = "sender=a@b\nrecipient=c@d\n\n";
  RequestParser first;
  REQUIRE(first.parse(stream.substr(0, 15)) == ParseStatus::incomplete);
  RequestParser second{first};
  REQUIRE(second.parse(stream) == ParseStatus::complete);
  CHECK(second.request().get(Attribute::sender) == "a@b");
  CHECK(second.request().get(Attribute::recipient) == "c@d");
}

TEST_CASE("known attributes are known in any order") {
  const std::string orders[] = {"size=1\nsender=2\n\n", "sender=2\nsize=1\n\n", "size=1\nx=\nsize=1\nsender=2\n\n"};
  RequestParser parser;
  for (int round = 0; round < 3; ++round) {
    for (const auto& text : orders) {
      REQUIRE(parser.parse(text) == ParseStatus::complete);
      CHECK(parser.request().text(Attribute::size) == "1");
      CHECK(parser.request().text(Attribute::sender) == "2");
    }
  }
}

TEST_CASE("a parser whose table has grown allocates nothing") {
  const auto streams = sample_streams();
  RequestParser parser;
  const auto parse_all = [&] {
    for (const std::string_view stream : streams) {
      for (std::size_t at = 0; at < stream.size(); at += parser.request().raw().size()) {
        if (parser.parse(stream.substr(at)) != ParseStatus::complete) return false;
      }
    }
    return true;
  };
  REQUIRE(parse_all());
  const auto before = test::allocations;
  const bool parsed = parse_all();
  const auto after = test::allocations;
  CHECK(parsed);
  CHECK(after == before);
}

#include "proto/parser.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace policymux {
namespace {

constexpr std::uint32_t block_size = 64;

// Where the bytes that shape a request are in a block: bit i stands for byte i.
struct Marks {
  std::uint64_t newline = 0, nul = 0;
};

std::uint64_t where_one_by_one(const char* block, char wanted) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < block_size; ++i) bits |= std::uint64_t{block[i] == wanted} << i;
  return bits;
}

#ifdef __SSE2__
[[gnu::always_inline]] inline Marks find_marks(const char* block) {
  __m128i quarter[4];
  std::memcpy(quarter, block, sizeof quarter);
  const auto where = [](__m128i bytes, char wanted) {
    const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted)));
    return std::uint64_t{static_cast<unsigned>(bits)};
  };
  const auto newline = where(quarter[0], '\n') | where(quarter[1], '\n') << 16 | where(quarter[2], '\n') << 32 |
                       where(quarter[3], '\n') << 48;
  const auto least = _mm_min_epu8(_mm_min_epu8(quarter[0], quarter[1]), _mm_min_epu8(quarter[2], quarter[3]));
  return {newline, where(least, '\0') != 0 ? where_one_by_one(block, '\0') : 0};
}
#else
Marks find_marks(const char* block) { return {where_one_by_one(block, '\n'), where_one_by_one(block, '\0')}; }
#endif

// The same for the block at `at`, of which only `size` bytes are input. What lies before it is, too.
Marks find_marks_in_tail(const char* input, std::size_t at, std::size_t size) {
  const auto missing = block_size - size;
  if (at >= missing) {
    const auto marks = find_marks(input + at - missing);
    return {marks.newline >> missing, marks.nul >> missing};
  }
  char block[block_size];
  std::memset(block, ' ', sizeof block);
  std::memcpy(block, input + at, size);
  return find_marks(block);
}

constexpr std::uint64_t below_lowest(std::uint64_t bits) { return ~bits & (bits - 1); }  // all ones for none

std::uint32_t lowest(std::uint64_t bits) { return static_cast<std::uint32_t>(std::countr_zero(bits)); }

// How the line of a known attribute begins: its name and '='.
struct LineStart {
  std::uint32_t size = 0;
  char text[32] = {};
};

const auto line_starts = [] {
  std::array<LineStart, attribute_count> starts;
  for (std::size_t i = 0; i < attribute_count; ++i) {
    const auto name = attribute_name(static_cast<Attribute>(i));
    starts[i].size = static_cast<std::uint32_t>(name.copy(starts[i].text, sizeof starts[i].text)) + 1;
    starts[i].text[name.size()] = '=';
  }
  return starts;
}();

// Whether texts of 4 to 32 bytes are the same: two comparisons of a width that needs no call, which may overlap.
bool equal(const char* a, const char* b, std::size_t size) {
  const auto ends_equal = [=](auto width) {
    return std::memcmp(a, b, width) == 0 && std::memcmp(a + size - width, b + size - width, width) == 0;
  };
  if (size >= 16) return ends_equal(std::integral_constant<std::size_t, 16>{});
  if (size >= 8) return ends_equal(std::integral_constant<std::size_t, 8>{});
  return ends_equal(std::integral_constant<std::size_t, 4>{});
}

}  // namespace

std::string_view to_string(Malformed reason) {
  switch (reason) {
    case Malformed::nul_byte: return "NUL byte";
    case Malformed::no_equals_sign: return "line without '='";
    case Malformed::empty_name: return "attribute without a name";
    case Malformed::too_long: return "request too long";
    case Malformed::too_many_attributes: return "too many attributes";
    case Malformed::empty_request: return "empty line instead of a request";
  }
  return {};
}

RequestParser::RequestParser(const RequestLimits& limits) : limits_{limits} {
  for (std::size_t i = 0; i <= attribute_count; ++i) {
    follower_[i] = static_cast<Attribute>(i + 1 < attribute_count ? i + 1 : 0);
  }
}

void RequestParser::begin() {
  request_.reset(nullptr);
  under_way_ = true;
  scanned_ = line_at_ = 0;
  previous_ = attribute_count;
}

ParseStatus RequestParser::fail(Malformed reason) {
  problem_ = reason;
  return ParseStatus::malformed;
}

ParseStatus RequestParser::end_request(std::uint32_t end) {
  if (request_.size() == 0) return fail(Malformed::empty_request);
  request_.close(end);
  return ParseStatus::complete;
}

// A line that begins with another name than the last time, or with none at all.
ParseStatus RequestParser::add_unexpected(std::string_view input, std::uint32_t line_at, std::uint32_t end) {
  const auto line = input.substr(line_at, end - line_at);
  const auto name = line.substr(0, line.find('='));
  if (name.size() == line.size()) return fail(Malformed::no_equals_sign);
  if (name.empty()) return fail(Malformed::empty_name);
  const auto known = attribute_by_name(name);
  if (known) {
    follower_[previous_] = *known;
    previous_ = static_cast<std::size_t>(*known);
  }
  const auto name_size = static_cast<std::uint32_t>(name.size()), value_at = line_at + name_size + 1;
  return add({line_at, name_size, value_at, end - value_at}, known);
}

inline ParseStatus RequestParser::add(const Request::Field& field, std::optional<Attribute> known) {
  request_.add(field, known);
  return request_.size() > limits_.max_attributes ? fail(Malformed::too_many_attributes) : ParseStatus::incomplete;
}

inline ParseStatus RequestParser::end_line(std::string_view input, std::uint32_t newline_at) {
  const auto line_at = std::exchange(line_at_, newline_at + 1);
  const bool cr = newline_at > line_at && input[newline_at - 1] == '\r';
  const auto end = newline_at - (cr ? 1 : 0);
  if (end == line_at) return end_request(newline_at + 1);

  const auto expected = follower_[previous_];
  const auto& start = line_starts[static_cast<std::size_t>(expected)];
  if (end - line_at < start.size || !equal(input.data() + line_at, start.text, start.size)) {
    return add_unexpected(input, line_at, end);
  }
  previous_ = static_cast<std::size_t>(expected);
  const auto value_at = line_at + start.size;
  return add({line_at, start.size - 1, value_at, end - value_at}, expected);
}

inline ParseStatus RequestParser::parse_block(std::string_view input, std::uint32_t size) {
  const Marks marks = size == block_size ? find_marks(input.data() + scanned_)
                                         : find_marks_in_tail(input.data(), scanned_, size);
  for (auto newlines = marks.newline & below_lowest(marks.nul); newlines != 0; newlines &= newlines - 1) {
    const auto status = end_line(input, scanned_ + lowest(newlines));
    if (status != ParseStatus::incomplete) return status;
  }
  if (marks.nul != 0) return fail(Malformed::nul_byte);
  scanned_ += size;
  return ParseStatus::incomplete;
}

ParseStatus RequestParser::parse(std::string_view input) {
  if (!under_way_) begin();
  request_.rebase(input.data());
  const auto end = static_cast<std::uint32_t>(std::min(input.size(), limits_.max_request_bytes));
  auto status = ParseStatus::incomplete;
  while (status == ParseStatus::incomplete && scanned_ < end) {
    status = parse_block(input, std::min(block_size, end - scanned_));
  }
  if (status == ParseStatus::incomplete && end == limits_.max_request_bytes) status = fail(Malformed::too_long);
  under_way_ = status == ParseStatus::incomplete;
  return status;
}

}  // namespace policymux

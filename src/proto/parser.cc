#include "proto/parser.h"

#include <algorithm>
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace policymux {
namespace {

constexpr std::size_t block_size = 64;

// Where the bytes that shape a request are in a block: bit i stands for byte i.
struct Marks {
  std::uint64_t newline = 0, equals = 0, nul = 0;
};

#ifdef __SSE2__
std::uint64_t where(const __m128i (&block)[4], char wanted) {
  const __m128i pattern = _mm_set1_epi8(wanted);
  std::uint64_t bits = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const int found = _mm_movemask_epi8(_mm_cmpeq_epi8(block[i], pattern));
    bits |= std::uint64_t{static_cast<unsigned>(found)} << (16 * i);
  }
  return bits;
}

Marks find_marks(const char* p) {
  __m128i block[4];
  std::memcpy(block, p, sizeof block);
  return {where(block, '\n'), where(block, '='), where(block, '\0')};
}
#else
Marks find_marks(const char* p) {
  Marks marks;
  for (std::size_t i = 0; i < block_size; ++i) {
    marks.newline |= std::uint64_t{p[i] == '\n'} << i;
    marks.equals |= std::uint64_t{p[i] == '='} << i;
    marks.nul |= std::uint64_t{p[i] == '\0'} << i;
  }
  return marks;
}
#endif

// The same for `size` bytes, of which there are fewer than a block.
Marks find_marks_in_tail(const char* p, std::size_t size) {
  char block[block_size] = {};
  std::memcpy(block, p, size);
  Marks marks = find_marks(block);
  marks.nul &= (std::uint64_t{1} << size) - 1;
  return marks;
}

constexpr std::uint64_t below_lowest(std::uint64_t bits) { return ~bits & (bits - 1); }  // all ones for none

std::uint32_t lowest(std::uint64_t bits) { return static_cast<std::uint32_t>(std::countr_zero(bits)); }

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
  equals_at_ = none;
  previous_ = attribute_count;
}

ParseStatus RequestParser::fail(Malformed reason) {
  problem_ = reason;
  return ParseStatus::malformed;
}

ParseStatus RequestParser::parse(std::string_view input) {
  if (!under_way_) begin();
  request_.rebase(input.data());
  const auto end = std::min(input.size(), limits_.max_request_bytes);
  auto status = ParseStatus::incomplete;
  while (status == ParseStatus::incomplete && scanned_ < end) {
    status = parse_block(input, std::min(block_size, end - scanned_));
  }
  if (status == ParseStatus::incomplete && end == limits_.max_request_bytes) status = fail(Malformed::too_long);
  under_way_ = status == ParseStatus::incomplete;
  return status;
}

ParseStatus RequestParser::parse_block(std::string_view input, std::size_t size) {
  const char* const block = input.data() + scanned_;
  const Marks marks = size == block_size ? find_marks(block) : find_marks_in_tail(block, size);
  auto equals = marks.equals;
  for (auto newlines = marks.newline & below_lowest(marks.nul); newlines != 0; newlines &= newlines - 1) {
    if (equals_at_ == none && (equals & below_lowest(newlines)) != 0) equals_at_ = scanned_ + lowest(equals);
    const auto status = end_line(input, scanned_ + lowest(newlines));
    if (status != ParseStatus::incomplete) return status;
    equals &= ~(newlines ^ (newlines - 1));  // up to and with this newline
  }
  if (marks.nul != 0) return fail(Malformed::nul_byte);
  if (equals_at_ == none && equals != 0) equals_at_ = scanned_ + lowest(equals);
  scanned_ += static_cast<std::uint32_t>(size);
  return ParseStatus::incomplete;
}

ParseStatus RequestParser::end_line(std::string_view input, std::uint32_t newline_at) {
  const bool cr = newline_at > line_at_ && input[newline_at - 1] == '\r';
  const auto end = newline_at - (cr ? 1 : 0);
  if (end == line_at_) {
    if (request_.size() == 0) return fail(Malformed::empty_request);
    request_.close(newline_at + 1);
    return ParseStatus::complete;
  }
  if (equals_at_ == none) return fail(Malformed::no_equals_sign);
  if (equals_at_ == line_at_) return fail(Malformed::empty_name);
  if (request_.size() == limits_.max_attributes) return fail(Malformed::too_many_attributes);
  const Request::Field field{line_at_, equals_at_ - line_at_, equals_at_ + 1, end - equals_at_ - 1};
  request_.add(field, known_attribute(input.substr(field.name_at, field.name_size)));
  line_at_ = newline_at + 1;
  equals_at_ = none;
  return ParseStatus::incomplete;
}

std::optional<Attribute> RequestParser::known_attribute(std::string_view name) {
  auto& expected = follower_[previous_];
  if (name != attribute_name(expected)) {
    const auto found = attribute_by_name(name);
    if (!found) return std::nullopt;
    expected = *found;
  }
  previous_ = static_cast<std::size_t>(expected);
  return expected;
}

}  // namespace policymux

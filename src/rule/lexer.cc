#include "rule/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace policymux {
namespace {

constexpr std::array<std::string_view, 5> statement_words = {"acl", "action", "access", "include", "chain"};

constexpr std::string_view blanks = " \t";

std::string_view first_word(std::string_view text) { return text.substr(0, text.find_first_of(blanks)); }

}  // namespace

bool is_statement_word(std::string_view word) {
  return std::ranges::find(statement_words, word) != statement_words.end();
}

Place Joined::place(std::size_t offset) const {
  const auto next = std::ranges::upper_bound(pieces, offset, {}, &Piece::offset);
  const auto& piece = *(next - 1);
  return {file, piece.line, piece.column + static_cast<int>(offset - piece.offset)};
}

Joined Joined::from(std::size_t offset) const {
  const auto start = place(offset);
  Joined out{.file = file, .pieces = {{0, start.line, start.column}}};
  for (const auto& piece : pieces) {
    if (piece.offset > offset) out.pieces.push_back({piece.offset - offset, piece.line, piece.column});
  }
  return out;
}

LineReader::LineReader(Report& report, std::uint32_t file) : report_{report}, file_{file}, rest_{report.text(file)} {
  ahead_ = next_physical();
}

// The next line that says something.
std::optional<LineReader::Physical> LineReader::next_physical() {
  while (!rest_.empty()) {
    const auto end = std::min(rest_.find('\n'), rest_.size());
    const auto raw = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++line_;
    if (raw.size() > longest_line) {
      report_.error({file_, line_, 1}, {"this line is longer than 1 MiB"});
      continue;
    }
    const auto text = trim(raw);
    if (text.empty()) continue;
    const Physical line{text, line_, static_cast<int>(text.data() - raw.data()) + 1};
    const bool is_comment = text.front() == '#' || text.front() == ';';
    if (is_text(line, is_comment) && !is_comment) return line;
  }
  return std::nullopt;
}

// Control characters are told, those in comments pass. A line with a NUL is none of ours.
bool LineReader::is_text(const Physical& line, bool is_comment) {
  const auto at = find_control_character(line.text);
  if (!at) return true;
  const Place place{file_, line.line, line.column + static_cast<int>(*at)};
  if (line.text.find('\0', *at) != line.text.npos) {
    if (!std::exchange(told_nul_, true)) {
      report_.error(place, {"a NUL byte", "is this a text file, in ASCII or UTF-8?"});
    }
    return false;
  }
  if (!is_comment) report_.error(place, {fmt::format("a control character (0x{:02X})", line.text[*at])});
  return true;
}

bool LineReader::continues(const Physical& line) const {
  return line.column > 1 && !is_statement_word(first_word(line.text));
}

bool LineReader::next(SourceLine& line) {
  while (ahead_) {
    if (read_statement(line)) return true;
  }
  return false;
}

bool LineReader::read_statement(SourceLine& line) {
  line.text = ahead_->text;
  line.origin.file = file_;
  line.origin.pieces.assign(1, {0, ahead_->line, ahead_->column});
  line.continues_nothing = continues(*ahead_);
  ahead_ = next_physical();
  if (!ahead_ || !continues(*ahead_)) return true;
  joined_.assign(line.text);
  for (; ahead_ && continues(*ahead_); ahead_ = next_physical()) {
    if (joined_.size() > longest_line) continue;
    joined_ += ' ';
    line.origin.pieces.push_back({joined_.size(), ahead_->line, ahead_->column});
    joined_ += ahead_->text;
  }
  line.text = joined_;
  if (joined_.size() <= longest_line) return true;
  report_.error(line.origin.place(0), {"this line and those that continue it are longer than 1 MiB"});
  return false;
}

std::size_t WordReader::offset() {
  at_ = std::min(line_.text.find_first_not_of(blanks, at_), line_.text.size());
  return at_;
}

std::string_view WordReader::rest() { return line_.text.substr(offset()); }

std::optional<Word> WordReader::next() {
  auto at = offset();
  if (at == line_.text.size()) return std::nullopt;
  Word word{.place = line_.origin.place(at)};
  while (at < line_.text.size() && !is_blank(line_.text[at])) {
    if (line_.text[at] == '"') {
      if (!word.is_quoted()) word.quoted_from = word.text.size();
      at = read_quoted(at, word.text);
    } else {
      const auto end = std::min(line_.text.find_first_of(" \t\"", at), line_.text.size());
      word.text += line_.text.substr(at, end - at);
      at = end;
    }
  }
  at_ = at;
  return word;
}

// Reads from one quote to just behind the other.
std::size_t WordReader::read_quoted(std::size_t at, std::string& out) {
  const auto text = line_.text;
  for (auto i = at + 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    const bool escapes = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\');
    out += text[escapes ? ++i : i];
  }
  report_.error(line_.origin.place(at), {"this quote does not end"});
  return text.size();
}

}  // namespace policymux

// From the text of a policy file to logical lines, and from a line to words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rule/report.h"

namespace policymux {

inline constexpr std::size_t longest_line = 1 << 20;  // bytes, of a line as it stands and of a joined one

// A text that was put together from pieces of lines, and where they came from.
struct Joined {
  struct Piece {
    std::size_t offset;  // into the text
    int line, column;    // of the piece's first byte in the file
  };
  std::uint32_t file = 0;
  std::vector<Piece> pieces{};  // ascending; never empty once there is text
  Place place(std::size_t offset) const;
  Joined from(std::size_t offset) const;  // the same for the text without its first `offset` bytes
};

// One statement's line: comments gone, what continues it joined by one blank, no blanks at either end.
struct SourceLine {
  std::string_view text{};  // valid until the next line is read
  Joined origin{};
  bool continues_nothing = false;  // begins with blank space, and there was no line before it
};

// Does a statement begin with this word?
bool is_statement_word(std::string_view word);

// Cuts a file into logical lines.
//   Errors  reported: lines that are too long, control characters. Reading goes on with the next line.
class LineReader {
 public:
  // REQUIRES: `report` outlives the reader.
  LineReader(Report& report, std::uint32_t file);
  bool next(SourceLine& line);  // false: the file has ended

 private:
  struct Physical {
    std::string_view text;  // without blanks at either end
    int line, column;       // of the first printing character
  };
  std::optional<Physical> next_physical();
  bool is_text(const Physical& line, bool is_comment);
  bool read_statement(SourceLine& line);
  bool continues(const Physical& line) const;

  Report& report_;
  std::uint32_t file_;
  std::string_view rest_;
  int line_ = 0;
  bool told_nul_ = false;
  std::optional<Physical> ahead_;
  std::string joined_;
};

struct Word {
  std::string text{};                       // without its quotes and escapes
  Place place{};                            // of its first byte
  std::size_t quoted_from = text.npos;      // how much of `text` stands before the first quote; npos: no quotes
  bool is_quoted() const { return quoted_from != std::string::npos; }
};

// Walks over the words of a line.
class WordReader {
 public:
  // REQUIRES: both outlive the reader.
  WordReader(Report& report, const SourceLine& line) : report_{report}, line_{line} {}
  // nullopt: the line has ended. A quote that does not end is reported; the word is what there is.
  std::optional<Word> next();
  // All that is left, as it stands, and where it stands.
  std::string_view rest();
  Joined origin() { return line_.origin.from(offset()); }
  // Where the next word begins, or the line ends.
  std::size_t offset();
  Place place() { return line_.origin.place(offset()); }

 private:
  std::size_t read_quoted(std::size_t at, std::string& out);

  Report& report_;
  const SourceLine& line_;
  std::size_t at_ = 0;
};

}  // namespace policymux

#include "config/ini_file.h"

#include <ini.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "base/text.h"

namespace policymux {

namespace {

#ifdef POLICYMUX_INIH_KNOBS  // Debian's inih is told at run time what others fix when it is built
constexpr bool cuts_at_semicolon = false;
void prepare_inih() {
  constexpr int line_bytes = 64 * 1024;
  ini_use_stack = false;
  ini_initial_alloc = line_bytes;
  ini_max_line = line_bytes;
  ini_allow_inline_comments = false;
}
#else
constexpr bool cuts_at_semicolon = true;
void prepare_inih() {}
#endif

std::string_view without_cr(std::string_view line) {
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

// Where " ;" begins, from `from` on; npos: nowhere. Only the first semicolon counts, as in Python 2.
std::size_t inline_comment(std::string_view line, std::size_t from) {
  const auto at = line.find(';', from);
  return at != line.npos && at > 0 && is_blank(line[at - 1]) ? at : line.npos;
}

// Feeds inih one line at a time, so that we know which one it is at, and keeps from it what it would cut or
// pass over in silence.
class IniReader {
 public:
  IniReader(std::string_view text, const std::string& path, ConfigDialect dialect, Diagnostics& diagnostics)
      : rest_{without_byte_order_mark(text)}, path_{path}, dialect_{dialect}, diagnostics_{diagnostics} {}

  std::vector<IniSection> run() {
    prepare_inih();
    ini_parse_stream(
        [](char* out, int size, void* self) {
          return static_cast<IniReader*>(self)->feed(out, static_cast<std::size_t>(size));
        },
        this,
        [](void* self, const char*, const char* key, const char* value) {
          static_cast<IniReader*>(self)->take(key, value);
          return 1;
        },
        this);
    return std::move(sections_);
  }

 private:
  // What a line that begins with a blank would continue.
  enum class Before : unsigned char { nothing, entry, refused };

  // fgets for inih: nullptr at the end; an empty line in place of one that is not for it.
  char* feed(char* out, std::size_t size) {
    if (rest_.empty()) return nullptr;
    const auto end = rest_.find('\n');
    line_ = {.number = line_.number + 1, .text = std::string{without_cr(rest_.substr(0, end))}};
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);

    std::string_view line = line_.text;
    if (!admit(line, size)) line = {};
    const auto end_of_line = out + line.copy(out, line.size());
    std::memcpy(end_of_line, "\n", 2);
    return out;
  }

  // Is this line for inih? Comments are cut off `line` where the dialect has them.
  bool admit(std::string_view& line, std::size_t size) {
    if (is_comment(line)) return false;
    const bool continues = is_blank(line.front());
    if (find_control_character(line)) return refuse("a control character");
    if (continues && before_ == Before::refused) return false;
    if (continues && before_ == Before::nothing) {
      return refuse("a line that begins with a blank continues a setting, and there is none");
    }
    if (line.front() == '[') return open_section(line);
    if (!continues && !admit_pair(line)) return false;
    if (line.size() + 3 > size) {
      return refuse(fmt::format("a line of more than {} bytes: go on in the next one, after a blank", size - 3));
    }
    if (cuts_at_semicolon && has_semicolon_after_blank(line)) {
      return refuse("a blank before ';' (this build's inih takes it for a comment)");
    }
    return true;
  }

  bool is_comment(std::string_view line) const {
    const auto words = trim(line);
    if (words.empty() || words.front() == '#' || words.front() == ';') return true;
    return dialect_ == ConfigDialect::apolicy && !is_blank(line.front()) &&
           iequals(words.substr(0, words.find_first_of(" \t")), "rem");
  }

  bool open_section(std::string_view line) {
    before_ = Before::nothing;
    const auto end = line.find(']');
    if (end == line.npos) return refuse("want a ']' at the end of a section's name");
    const bool alone = trim(line.substr(end + 1)).empty();
    if (!alone && dialect_ == ConfigDialect::policymux) {
      return refuse("want nothing after ']'", static_cast<int>(end) + 2);
    }
    sections_.push_back({.name = std::string{trim(line.substr(1, end - 1))}, .line = line_});
    return false;  // the names of sections are ours alone: inih would cut them
  }

  bool admit_pair(std::string_view& line) {
    before_ = Before::refused;
    const auto separator = line.find_first_of("=:");
    if (separator == line.npos) return refuse("want `key = value` or `[section]`");
    if (separator == 0) return refuse("want a name before the '='");
    if (dialect_ == ConfigDialect::apolicy) {
      if (sections_.empty()) sections_.push_back({.name = "main"});
      line = line.substr(0, inline_comment(line, separator + 1));
    } else if (line[separator] == ':') {
      return refuse("want `key = value`: ':' takes no place of '='", static_cast<int>(separator) + 1);
    } else if (sections_.empty()) {
      return refuse("a setting before the first [section]");
    }
    const auto value = line.find_first_not_of(" \t", separator + 1);
    value_column_ = static_cast<int>(std::min(value, line.size())) + 1;
    return true;
  }

  static bool has_semicolon_after_blank(std::string_view line) {
    return line.find(" ;") != line.npos || line.find("\t;") != line.npos;
  }

  // Called by inih for the line that it was fed last.
  void take(std::string_view key, std::string_view value) {
    auto& entries = sections_.back().entries;
    if (is_blank(line_.text.front())) {
      auto& whole = entries.back().value;
      if (!whole.empty()) whole += ' ';
      whole += value;
      return;
    }
    before_ = Before::entry;
    const bool apolicy = dialect_ == ConfigDialect::apolicy;
    if (apolicy && value == "\"\"") value = {};  // ConfigParser's way to write nothing
    entries.push_back({.key = apolicy ? to_lower(key) : std::string{key},
                       .value = std::string{value},
                       .line = line_,
                       .value_column = value_column_});
  }

  bool refuse(std::string what, int column = 1) {
    diagnostics_.push_back({.what = {path_, line_.number, column, std::move(what)}, .source = line_.text});
    return false;
  }

  std::string_view rest_;
  const std::string& path_;
  const ConfigDialect dialect_;
  Diagnostics& diagnostics_;
  std::vector<IniSection> sections_;
  IniLine line_;
  int value_column_ = 0;
  Before before_ = Before::nothing;
};

}  // namespace

std::vector<IniSection> read_ini(std::string_view text, const std::string& path, ConfigDialect dialect,
                                 Diagnostics& diagnostics) {
  return IniReader{text, path, dialect, diagnostics}.run();
}

}  // namespace policymux

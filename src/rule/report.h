// Where mistakes of a policy are collected: it knows the text of every file, so that a place is enough to
// show the line.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/diagnostic.h"
#include "base/text.h"
#include "rule/policy.h"

namespace policymux {

// What is wrong with a piece of text, without the place.
struct Flaw {
  std::string text;
  std::string hint{};  // empty: none
};

// Owns    the text of the policy files, for as long as it lives: views into it stay valid.
// Memory  at most 10,000 errors and as many warnings, each with at most 400 bytes of its line; more are counted.
// Cost    add_file() copies nothing; lines are looked for when the first diagnostic of a file needs one.
class Report {
 public:
  // The number of the file, for Place::file.
  std::uint32_t add_file(std::string path, std::string text);
  const std::string& path(std::uint32_t file) const { return files_[file].path; }
  std::string_view text(std::uint32_t file) const { return files_[file].text; }
  std::uint32_t file_count() const { return static_cast<std::uint32_t>(files_.size()); }
  std::string where(const Place& place) const;  // "policy.conf:12"

  // A place with line 0 concerns the file as a whole.
  void error(const Place& at, Flaw flaw) { add(Severity::error, at, std::move(flaw)); }
  void warning(const Place& at, Flaw flaw) { add(Severity::warning, at, std::move(flaw)); }
  // About a line of a value file that the statement at `user` names; it stands where that statement stands.
  void error_in_list(const Place& user, const ValueFile& list, int line, std::string_view value, Flaw flaw);

  // The value files of which there is something wrong, and what was found first; empty: they have no values.
  void flawed_list(const std::string& path, std::string why) { flawed_lists_.try_emplace(path, std::move(why)); }
  const std::map<std::string, std::string>& flawed_lists() const { return flawed_lists_; }

  bool has_errors() const { return errors_ > 0; }
  // Everything, in the order of files, lines and columns. Leaves nothing.
  Diagnostics take();

 private:
  struct File {
    std::string path, text;
    std::vector<std::size_t> lines{};  // where each begins; empty: not looked for yet
  };
  struct Entry {
    Place at;
    Diagnostic diagnostic;
    auto order() const {
      const auto& what = diagnostic.what;
      return std::tie(at.file, at.line, at.column, what.file, what.line, what.text);
    }
  };
  void add(Severity severity, const Place& at, Flaw flaw);
  void add(Entry entry);
  std::string source(const Place& at);

  std::deque<File> files_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> flawed_lists_;
  std::size_t errors_ = 0, warnings_ = 0;
};

}  // namespace policymux

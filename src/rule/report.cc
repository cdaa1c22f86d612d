#include "rule/report.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace policymux {
namespace {

constexpr std::size_t most_diagnostics = 10'000;  // of each severity
constexpr std::size_t longest_source = 400;        // bytes

std::vector<std::size_t> line_starts(std::string_view text) {
  std::vector<std::size_t> starts{0};
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1)) starts.push_back(end + 1);
  return starts;
}

}  // namespace

std::uint32_t Report::add_file(std::string path, std::string text) {
  files_.push_back({std::move(path), std::move(text)});
  return static_cast<std::uint32_t>(files_.size() - 1);
}

std::string Report::where(const Place& place) const { return path(place.file) + ':' + std::to_string(place.line); }

// The line, unless it is so long that what matters would not be seen.
std::string Report::source(const Place& at) {
  if (at.line == 0) return {};
  auto& file = files_[at.file];
  if (file.lines.empty()) file.lines = line_starts(file.text);
  std::string_view line = file.text;
  line.remove_prefix(file.lines[static_cast<std::size_t>(at.line) - 1]);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (static_cast<std::size_t>(at.column) > longest_source) return {};
  return std::string{cut_utf8(line, longest_source)};
}

void Report::add(Severity severity, const Place& at, Flaw flaw) {
  Entry entry{.at = at};
  entry.diagnostic.severity = severity;
  entry.diagnostic.what = {.file = path(at.file), .line = at.line, .column = at.column, .text = std::move(flaw.text)};
  entry.diagnostic.hint = std::move(flaw.hint);
  add(std::move(entry));
}

void Report::error_in_list(const Place& user, const ValueFile& list, int line, std::string_view value, Flaw flaw) {
  flaw.text += ", in a list of " + where(user);
  flawed_list(list.path(), fmt::format("line {}: {}", line, flaw.text));
  Entry entry{.at = user};
  entry.diagnostic.what = {.file = list.path(), .line = line, .column = 1, .text = std::move(flaw.text)};
  entry.diagnostic.source = cut_utf8(value, longest_source);
  entry.diagnostic.hint = std::move(flaw.hint);
  add(std::move(entry));
}

void Report::add(Entry entry) {
  auto& count = entry.diagnostic.severity == Severity::error ? errors_ : warnings_;
  if (++count > most_diagnostics) return;
  if (entry.diagnostic.source.empty()) entry.diagnostic.source = source(entry.at);
  entries_.push_back(std::move(entry));
}

Diagnostics Report::take() {
  // A file that is included twice has its mistakes once.
  std::ranges::sort(entries_, {}, &Entry::order);
  const auto twice = std::ranges::unique(entries_, {}, &Entry::order);
  entries_.erase(twice.begin(), twice.end());
  Diagnostics out;
  out.reserve(entries_.size() + 1);
  for (auto& entry : entries_) out.push_back(std::move(entry.diagnostic));
  for (const auto& [severity, count] : {std::pair{Severity::error, errors_}, {Severity::warning, warnings_}}) {
    if (count <= most_diagnostics) continue;
    const auto more = std::to_string(count - most_diagnostics) + " more are not shown";
    out.push_back({.severity = severity, .what = {.file = path(0), .text = more}});
  }
  entries_.clear();
  errors_ = warnings_ = 0;
  return out;
}

}  // namespace policymux

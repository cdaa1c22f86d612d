#include "base/diagnostic.h"

#include <algorithm>

#include "base/text.h"

namespace policymux {

namespace {

std::string place(const Error& error) {
  std::string out = error.file;
  for (const int number : {error.line, error.column}) {
    if (number == 0) break;
    if (!out.empty()) out += ':';
    out += std::to_string(number);
  }
  if (!out.empty()) out += ": ";
  return out;
}

// Fit for a terminal, with the tabs kept.
std::string printable(std::string_view source) {
  std::string out;
  while (true) {
    const auto tab = source.find('\t');
    append_safe(out, source.substr(0, tab));
    if (tab == source.npos) return out;
    out += '\t';
    source.remove_prefix(tab + 1);
  }
}

// What stands before the caret: as wide as `before`, whatever a tab's width is.
std::string indent(std::string_view before) {
  std::string out;
  for (const char c : printable(before)) {
    if (c == '\t') out += '\t';
    else if ((c & 0xC0) != 0x80) out += ' ';  // one blank a character, not a byte
  }
  return out;
}

}  // namespace

std::string to_string(const Error& error) { return place(error) + error.text; }

bool has_errors(const Diagnostics& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::string summary(const Diagnostic& diagnostic) {
  auto line = place(diagnostic.what);
  line += diagnostic.severity == Severity::error ? "error: " : "warning: ";
  line += diagnostic.what.text;
  if (!diagnostic.hint.empty()) line += " (" + diagnostic.hint + ")";
  std::string out;
  append_safe(out, line);
  return out;
}

std::string render(const Diagnostic& diagnostic) {
  auto out = summary(diagnostic) + '\n';
  if (diagnostic.source.empty()) return out;
  const std::string_view source = diagnostic.source;
  out += "  " + printable(source) + '\n';
  if (diagnostic.what.column == 0) return out;
  const auto column = static_cast<std::size_t>(diagnostic.what.column);
  out += "  " + indent(source.substr(0, column - 1)) + "^\n";
  return out;
}

}  // namespace policymux

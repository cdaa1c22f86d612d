// A mistake or a doubt about a configuration file, told so that an administrator can mend it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

namespace policymux {

enum class Severity : unsigned char { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  Error what;             // place and text
  std::string source{};   // the line as it stands in the file; empty: nothing to show
  std::string hint{};     // "did you mean 'sender'?"; empty: none
};

using Diagnostics = std::vector<Diagnostic>;

bool has_errors(const Diagnostics& diagnostics);

// "path:line:column: error: text (hint)", with the source line and a caret below where there is one.
// Control characters of the source are shown as '?', tabs keep the caret in place. Ends with a newline.
std::string render(const Diagnostic& diagnostic);

// The same on one line, for a log: no source, no caret, no newline at the end.
std::string summary(const Diagnostic& diagnostic);

}  // namespace policymux

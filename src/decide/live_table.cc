#include "decide/live_table.h"

#include <deque>
#include <string_view>
#include <unordered_map>

namespace policymux {

Succession::Succession(std::shared_ptr<const Table> fresh, const Table& before)
    : live{std::make_shared<LiveTable>(std::move(fresh))}, heirs(before.lines.size(), Table::no_line) {
  std::unordered_map<std::string_view, std::deque<LineId>> waiting;
  const auto& lines = live->evaluator.table().line_texts;
  for (LineId line = 0; line < lines.size(); ++line) waiting[lines[line].text].push_back(line);
  for (LineId line = 0; line < heirs.size(); ++line) {
    const auto found = waiting.find(before.line_texts[line].text);
    if (found == waiting.end() || found->second.empty()) continue;
    heirs[line] = found->second.front();
    found->second.pop_front();
  }
}

}  // namespace policymux

#include "decide/live_table.h"

#include <deque>
#include <string_view>
#include <unordered_map>

namespace policymux {

Succession::Succession(std::shared_ptr<const Table> fresh, const Table& before)
    : live{std::make_shared<LiveTable>(std::move(fresh))}, heirs(before.lines.size(), Table::no_line) {
  std::unordered_map<std::string_view, std::deque<LineId>> waiting;
  const auto& table = live->evaluator.table();
  for (LineId line = 0; line < table.lines.size(); ++line) waiting[table.text_of(line)].push_back(line);
  for (LineId line = 0; line < heirs.size(); ++line) {
    const auto found = waiting.find(before.text_of(line));
    if (found == waiting.end() || found->second.empty()) continue;
    heirs[line] = found->second.front();
    found->second.pop_front();
  }
}

}  // namespace policymux

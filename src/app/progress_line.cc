#include "app/progress_line.h"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace policymux {
namespace {

constexpr std::chrono::milliseconds silence{1'000}, interval{100};
constexpr std::size_t widest_path = 50;  // a line that wraps cannot be updated in place
constexpr std::string_view clear_line = "\r\033[K";

std::string shortened(const std::string& path) {
  return path.size() <= widest_path ? path : "..." + path.substr(path.size() - widest_path);
}

}  // namespace

ProgressLine::ProgressLine(std::FILE* out, Clock now) : out_{out}, now_{std::move(now)}, next_{now_() + silence} {}

ProgressLine::~ProgressLine() {
  if (!shown_) return;
  fmt::print(out_, "{}", clear_line);
  std::fflush(out_);
}

void ProgressLine::show(const std::string& path, int percent) {
  const auto now = now_();
  if (now < next_) return;
  fmt::print(out_, "{}reading {}: {} %", clear_line, shortened(path), percent);
  std::fflush(out_);
  next_ = now + interval;
  shown_ = true;
}

std::function<void(const std::string&, int)> ProgressLine::on_terminal() {
  if (::isatty(STDERR_FILENO) == 0) return {};
  return [line = std::make_shared<ProgressLine>(stderr, &std::chrono::steady_clock::now)](
             const std::string& path, int percent) { line->show(path, percent); };
}

}  // namespace policymux

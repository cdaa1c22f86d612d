// What is told of each try, to those who log them all.
#pragma once

#include <string_view>

#include "base/time.h"
#include "config/config.h"
#include "upstream/figures.h"

namespace policymux {

// One try that is over, for those who log each.
struct TryReport {
  const Config::Service& service;
  const ServiceFigures& figures;       // this try included
  milliseconds delay;                  // since the try began
  std::string_view action;             // what was answered; empty: the try failed or was given up
  std::string_view failure;            // why; empty: it was answered
};

}  // namespace policymux

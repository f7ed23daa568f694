// Nothing to call: what must be so before the first line of the language runs, see start.c.
#pragma once

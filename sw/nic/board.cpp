// The board as a shared library: whole frames in at both ports, whole frames out.
//
// Compiled once for each geometry together with what Verilator makes of the board's Verilog (class
// Vboard).  Here is what stands between frames and octets: preamble, SFD, padding, FCS and the gap
// of IEEE 802.3, and the state of the link between frames.  An octet passes in each clock and
// direction.  Negative results are errors, see `Failure`.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

#include "Vboard.h"
#include "verilated.h"

namespace {

enum Failure : int64_t {
    TORN = -1,      // a port has sent what is no frame
    OVERFLOW_ = -2, // a frame that came out does not fit the caller's buffer
};

constexpr uint8_t PREAMBLE = 0x55, SFD = 0xD5;
constexpr size_t PREAMBLE_BYTES = 7, FCS_BYTES = 4, SHORTEST = 60, GAP = 12;

constexpr uint8_t LINK_UP = 0xDD;  // between frames: 1000 Mb/s, full duplex (RGMII 2.0, table 4)

using Frame = std::vector<uint8_t>;

// CRC-32 of IEEE 802.3, lowest bit first.
uint32_t crc32(const uint8_t* data, size_t size) {
    static const auto table = [] {
        std::array<uint32_t, 256> made{};
        for (uint32_t n = 0; n < 256; ++n) {
            made[n] = n;
            for (int bit = 0; bit < 8; ++bit) {
                made[n] = made[n] >> 1 ^ (made[n] & 1 ? 0xEDB88320 : 0);
            }
        }
        return made;
    }();
    uint32_t crc = ~uint32_t{0};
    for (size_t n = 0; n < size; ++n) {
        crc = crc >> 8 ^ table[(crc ^ data[n]) & 0xFF];
    }
    return ~crc;
}

// What a PHY gives the board: a carrier for each frame, and so many octets of gap behind it.
class Sender {
public:
    void put(const uint8_t* data, size_t size, size_t gap) {
        Frame carrier(PREAMBLE_BYTES, PREAMBLE);
        carrier.push_back(SFD);
        carrier.insert(carrier.end(), data, data + size);
        if (size < SHORTEST) {
            carrier.resize(PREAMBLE_BYTES + 1 + SHORTEST);
        }
        const size_t begin = PREAMBLE_BYTES + 1;
        const uint32_t fcs = crc32(carrier.data() + begin, carrier.size() - begin);
        for (size_t n = 0; n < FCS_BYTES; ++n) {
            carrier.push_back(fcs >> 8 * n);
        }
        waiting_.push_back({std::move(carrier), gap});
    }

    size_t waiting() const { return waiting_.size(); }

    // The octet of this clock, if it is one of a carrier.
    bool next(uint8_t& octet) {
        if (waiting_.empty()) {
            return false;
        }
        const Carrier& first = waiting_.front();
        const size_t at = at_++;
        if (at_ == first.octets.size() + first.gap) {
            at_ = 0;
        }
        const bool within = at < first.octets.size();
        if (within) {
            octet = first.octets[at];
        }
        if (at_ == 0) {
            waiting_.pop_front();
        }
        return within;
    }

private:
    struct Carrier {
        Frame octets;
        size_t gap;
    };
    std::deque<Carrier> waiting_;
    size_t at_ = 0;  // in the first of them
};

// What a PHY gets of the board: frames, whose carriers must be as they should.
class Receiver {
public:
    // False where a carrier has ended that is none.
    bool next(bool within, uint8_t octet) {
        if (within) {
            carrier_.push_back(octet);
            return true;
        }
        if (carrier_.empty()) {
            ++gap_;
            return true;
        }
        if (!sound()) {
            return false;
        }
        frames_.emplace_back(carrier_.begin() + PREAMBLE_BYTES + 1, carrier_.end() - FCS_BYTES);
        carrier_.clear();
        gap_ = 1;
        return true;
    }

    bool idle() const { return carrier_.empty(); }

    // As many frames as fit, each a 32-bit length and its bytes; returns their size.
    int64_t take(uint8_t* out, size_t room) {
        const size_t all = room;
        while (!frames_.empty()) {
            const Frame& frame = frames_.front();
            const uint32_t length = frame.size();
            if (room < sizeof length + length) {
                break;
            }
            memcpy(out, &length, sizeof length);
            memcpy(out + sizeof length, frame.data(), length);
            out += sizeof length + length;
            room -= sizeof length + length;
            frames_.pop_front();
        }
        return room == all && !frames_.empty() ? int64_t{OVERFLOW_} : int64_t(all - room);
    }

private:
    bool sound() const {
        const size_t begin = PREAMBLE_BYTES + 1;
        if (gap_ < GAP || carrier_.size() < begin + SHORTEST + FCS_BYTES) {
            return false;
        }
        for (size_t n = 0; n < begin; ++n) {
            if (carrier_[n] != (n < PREAMBLE_BYTES ? PREAMBLE : SFD)) {
                return false;
            }
        }
        const size_t end = carrier_.size() - FCS_BYTES;
        uint32_t fcs = 0;
        for (size_t n = 0; n < FCS_BYTES; ++n) {
            fcs |= uint32_t{carrier_[end + n]} << 8 * n;
        }
        return fcs == crc32(carrier_.data() + begin, end - begin);
    }

    Frame carrier_;       // under way
    size_t gap_ = GAP;    // octets before it
    std::deque<Frame> frames_;
};

struct Port {
    Sender to;
    Receiver from;
};

struct Board {
    VerilatedContext context;
    Vboard top{&context};
    uint64_t clocks = 0;
    uint64_t quiet = 0;  // clocks since anything was on its way to or from a port
    Port wire, host;

    Port& port(int number) { return number == 0 ? wire : host; }

    void clock() {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
        ++clocks;
    }

    void reset() {
        top.wire_rx_data = top.host_rx_data = LINK_UP;
        top.rst = 1;
        for (int i = 0; i < 8; ++i) {
            clock();
        }
        top.rst = 0;
        for (int i = 0; i < 64; ++i) {  // until the state of the link is known
            clock();
        }
    }
};

}  // namespace

extern "C" {

Board* board_new() {
    Board* board = new Board;
    board->reset();
    return board;
}

void board_free(Board* board) { delete board; }

uint64_t board_clocks(const Board* board) { return board->clocks; }

// Lets a frame wait for its turn at a port, with so many octets of gap behind it.
int64_t board_put(Board* board, int port, const uint8_t* data, size_t size, size_t gap) {
    board->port(port).to.put(data, size, gap);
    board->quiet = 0;
    return 0;
}

// Frames that wait, and the one that is on its way to the board.
int64_t board_waiting(Board* board, int port) { return board->port(port).to.waiting(); }

int64_t board_take(Board* board, int port, uint8_t* out, size_t room) {
    return board->port(port).from.take(out, room);
}

// Runs at most so many clocks, and no longer than until nothing has moved at the ports for
// `patience` clocks; returns whether that is so.
int64_t board_run(Board* board, uint64_t clocks, uint64_t patience) {
    Vboard& top = board->top;
    Port& wire = board->wire;
    Port& host = board->host;
    while (clocks != 0 && board->quiet < patience) {
        --clocks;
        uint8_t wire_octet = LINK_UP, host_octet = LINK_UP;
        const bool idle = wire.to.waiting() == 0 && host.to.waiting() == 0;
        top.wire_rx_dv = wire.to.next(wire_octet);
        top.wire_rx_data = wire_octet;
        top.host_rx_dv = host.to.next(host_octet);
        top.host_rx_data = host_octet;
        board->clock();
        const bool whole = wire.from.next(top.wire_tx_dv, top.wire_tx_data) &
                           host.from.next(top.host_tx_dv, top.host_tx_data);
        if (!whole) {
            return TORN;
        }
        board->quiet = idle && wire.from.idle() && host.from.idle() ? board->quiet + 1 : 0;
    }
    return board->quiet >= patience;
}

}  // extern "C"

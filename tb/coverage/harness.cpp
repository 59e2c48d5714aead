// The covered NIC as a shared library: frames at a pace, accesses to registers meanwhile.
//
// Compiled together with what Verilator makes of its Verilog (class Vnic); WIDTH is the number of
// bytes per beat.  One call does all that a tour asks for in one go, clock by clock: both directions
// of frames, the pauses of whoever sends and whoever takes, and the accesses, in their order.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "Vnic.h"
#include "verilated.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif

namespace {

enum Failure : int64_t {
    STUCK = -1,      // a frame is not taken or finished, or the bus does not answer
    OVERFLOW_ = -2,  // the frames that came out do not fit the caller's buffer
    MOVED = -3,      // what was on offer changed before it was taken
};

constexpr uint32_t BAD = uint32_t{1} << 31;  // in a frame's length: the MAC marks it bad

struct Nic {
    VerilatedContext context;
    Vnic top{&context};
    uint64_t cycles = 0;

    void settle() {
        top.clk = 0;
        top.eval();
    }

    void clock() {
        top.clk = 1;
        top.eval();
        ++cycles;
    }
};

// When to hold back: a byte for each clock, not zero in those to sit out; over and over.
struct Pace {
    const uint8_t* pauses;
    size_t count;

    bool operator()(uint64_t clock) const { return count != 0 && pauses[clock % count]; }
};

// Frames in a caller's buffer, each a 32-bit length and its bytes, as beats of a stream.
template <typename Data, typename Keep>
class Source {
public:
    Source(Data& data, Keep& keep, CData& last, CData& user, CData& valid, const CData& ready,
           const uint8_t* frames, size_t size, Pace pace)
        : data_(data), keep_(keep), last_(last), user_(user), valid_(valid), ready_(ready),
          at_(frames), end_(frames + size), pace_(pace) {
        next();
    }

    bool done() const { return left_ == 0; }

    void offer(uint64_t clock) {
        if (valid_ || done() || pace_(clock)) {
            return;
        }
        const size_t count = left_ < WIDTH ? left_ : WIDTH;
        memset(&data_, 0xA5, sizeof data_);
        memcpy(&data_, at_, count);
        keep_ = ~uint64_t{0} >> (64 - count);
        last_ = left_ <= WIDTH;
        user_ = bad_ && last_;
        valid_ = 1;
    }

    // After the inputs have settled; whether a beat is taken with the edge that comes.
    bool taken() const { return valid_ && ready_; }

    // After that edge.
    void advance() {
        const size_t count = left_ < WIDTH ? left_ : WIDTH;
        valid_ = 0;
        at_ += count;
        left_ -= count;
        if (left_ == 0) {
            next();
        }
    }

private:
    void next() {
        uint32_t length = 0;
        if (at_ != end_) {
            memcpy(&length, at_, sizeof length);
            at_ += sizeof length;
        }
        left_ = length & ~BAD;
        bad_ = length & BAD;
    }

    Data& data_;
    Keep& keep_;
    CData &last_, &user_, &valid_;
    const CData& ready_;
    const uint8_t *at_, *end_;
    Pace pace_;
    size_t left_ = 0;
    bool bad_ = false;
};

template <typename Data, typename Keep>
class Sink {
public:
    Sink(const Data& data, const Keep& keep, const CData& last, const CData& valid, CData& ready,
         uint8_t* frames, size_t size, Pace pace)
        : data_(data), keep_(keep), last_(last), valid_(valid), ready_(ready), start_(frames),
          end_(frames + size), head_(frames), at_(size < 4 ? end_ : frames + 4), pace_(pace) {}

    void accept(uint64_t clock) { ready_ = !pace_(clock); }

    // After the inputs have settled; a failure, or 0.
    int64_t take() {
        const bool moved = stalled_ && (!valid_ || memcmp(&shown_, &data_, sizeof data_) != 0 ||
                                        shown_keep_ != keep_ || shown_last_ != last_);
        stalled_ = valid_ && !ready_;
        if (stalled_) {
            memcpy(&shown_, &data_, sizeof data_);
            shown_keep_ = keep_;
            shown_last_ = last_;
        }
        if (moved) {
            return MOVED;
        }
        if (!taken()) {
            return 0;
        }
        const size_t count = __builtin_popcountll(keep_);
        if (size_t(end_ - at_) < count + 4) {
            return OVERFLOW_;
        }
        memcpy(at_, &data_, count);
        at_ += count;
        if (last_) {
            const uint32_t length = at_ - head_ - 4;
            memcpy(head_, &length, sizeof length);
            head_ = at_;
            at_ += 4;
        }
        return 0;
    }

    bool taken() const { return valid_ && ready_; }
    bool within_frame() const { return at_ != head_ + 4; }
    uint64_t size() const { return head_ - start_; }

private:
    const Data& data_;
    const Keep& keep_;
    const CData &last_, &valid_;
    CData& ready_;
    uint8_t *start_, *end_, *head_, *at_;
    Pace pace_;
    Data shown_;
    Keep shown_keep_ = 0;
    CData shown_last_ = 0;
    bool stalled_ = false;
};

enum Kind : uint32_t { WRITE, READ, UNTIL, PAUSE };

struct Access {
    uint32_t kind;
    uint32_t address;
    uint32_t value;    // to be written, read, or of bits all of which are to be zero; clocks
    uint32_t refused;  // the bus has answered with an error
};

// Does the accesses in their order.  A write does not wait for the answer to the write before it.
class Bus {
public:
    Bus(Vnic& top, Access* accesses, size_t count)
        : top_(top), answered_(accesses), begun_(accesses), end_(accesses + count) {
        top.s_axil_wstrb = 0xF;
        top.s_axil_bready = top.s_axil_rready = 1;
    }

    bool done() const { return answered_ == end_; }

    void offer() {
        if (begun_ == end_ || top_.s_axil_awvalid || top_.s_axil_wvalid) {
            return;
        }
        const bool alone = answered_ == begun_;
        if (begun_->kind == WRITE) {
            if (alone || answered_->kind == WRITE) {
                top_.s_axil_awaddr = begun_->address;
                top_.s_axil_wdata = begun_->value;
                top_.s_axil_awvalid = top_.s_axil_wvalid = 1;
                ++begun_;
            }
        } else if (alone) {
            if (begun_->kind == PAUSE) {
                pause_ = begun_->value;
            } else {
                top_.s_axil_araddr = begun_->address;
                top_.s_axil_arvalid = 1;
            }
            ++begun_;
        }
    }

    // After the inputs have settled.
    void take() {
        addressed_ = top_.s_axil_awvalid && top_.s_axil_awready;
        written_ = top_.s_axil_wvalid && top_.s_axil_wready;
        asked_ = top_.s_axil_arvalid && top_.s_axil_arready;
        over_ = again_ = false;
        if (answered_ == begun_) {
            return;
        }
        Access& access = *answered_;
        if (access.kind == PAUSE) {
            over_ = pause_ == 0;
            pause_ -= !over_;
        } else if (access.kind == WRITE) {
            over_ = top_.s_axil_bvalid;
            access.refused = over_ && top_.s_axil_bresp != 0;
        } else if (top_.s_axil_rvalid) {
            over_ = true;
            access.refused = top_.s_axil_rresp != 0;
            again_ = access.kind == UNTIL && (top_.s_axil_rdata & access.value);
            if (access.kind == READ) {
                access.value = top_.s_axil_rdata;
            }
        }
    }

    // After the edge; whether something has moved.
    bool advance() {
        if (addressed_) {
            top_.s_axil_awvalid = 0;
        }
        if (written_) {
            top_.s_axil_wvalid = 0;
        }
        if (asked_) {
            top_.s_axil_arvalid = 0;
        }
        if (again_) {
            --begun_;
            return false;
        }
        answered_ += over_;
        return over_ || (!done() && answered_ != begun_ && answered_->kind == PAUSE);
    }

private:
    Vnic& top_;
    Access *answered_, *begun_, *end_;  // up to where they are answered, and begun
    uint32_t pause_ = 0;
    bool addressed_ = false, written_ = false, asked_ = false, over_ = false, again_ = false;
};

}  // namespace

extern "C" {

Nic* nic_new() {
    Nic* nic = new Nic;
    nic->top.rst = 1;
    for (int i = 0; i < 8; ++i) {
        nic->settle();
        nic->clock();
    }
    nic->top.rst = 0;
    nic->settle();
    nic->clock();
    return nic;
}

void nic_free(Nic* nic) { delete nic; }

uint64_t nic_cycles(const Nic* nic) { return nic->cycles; }

struct Way {
    const uint8_t* in;
    size_t in_size;
    uint8_t* out;
    size_t out_size;  // room, and what has come afterwards
    Pace sent, taken;
};

// Run until all frames are in, all accesses done, and nothing has moved for `patience` clocks.
int64_t nic_play(Nic* nic, Way* rx, Way* tx, Access* accesses, size_t count, uint64_t patience) {
    Vnic& top = nic->top;
    Source wire(top.s_axis_rx_tdata, top.s_axis_rx_tkeep, top.s_axis_rx_tlast,
                top.s_axis_rx_tuser, top.s_axis_rx_tvalid, top.s_axis_rx_tready, rx->in,
                rx->in_size, rx->sent);
    Sink host(top.m_axis_rx_tdata, top.m_axis_rx_tkeep, top.m_axis_rx_tlast,
              top.m_axis_rx_tvalid, top.m_axis_rx_tready, rx->out, rx->out_size, rx->taken);
    Source up(top.s_axis_tx_tdata, top.s_axis_tx_tkeep, top.s_axis_tx_tlast, top.s_axis_tx_tuser,
              top.s_axis_tx_tvalid, top.s_axis_tx_tready, tx->in, tx->in_size, tx->sent);
    Sink out(top.m_axis_tx_tdata, top.m_axis_tx_tkeep, top.m_axis_tx_tlast, top.m_axis_tx_tvalid,
             top.m_axis_tx_tready, tx->out, tx->out_size, tx->taken);
    Bus bus(top, accesses, count);
    int64_t failure = 0;
    for (uint64_t quiet = 0; failure == 0 && quiet != patience;) {
        wire.offer(nic->cycles);
        up.offer(nic->cycles);
        bus.offer();
        host.accept(nic->cycles);
        out.accept(nic->cycles);
        nic->settle();
        const bool wire_taken = wire.taken(), up_taken = up.taken();
        bool moved = wire_taken || up_taken || host.taken() || out.taken();
        failure = host.take();
        if (failure == 0) {
            failure = out.take();
        }
        bus.take();
        nic->clock();
        if (wire_taken) {
            wire.advance();
        }
        if (up_taken) {
            up.advance();
        }
        moved |= bus.advance();
        quiet = moved ? 0 : quiet + 1;
    }
    top.s_axis_rx_tvalid = top.s_axis_tx_tvalid = 0;
    top.m_axis_rx_tready = top.m_axis_tx_tready = 0;
    rx->out_size = host.size();
    tx->out_size = out.size();
    const bool done = wire.done() && up.done() && bus.done();
    return failure ? failure : done && !host.within_frame() && !out.within_frame() ? 0 : STUCK;
}

// The bins that have been hit so far, a bit each, into `size` bytes.
void nic_hits(Nic* nic, uint8_t* out, size_t size) {
    nic->top.sample = 1;
    nic->settle();
    nic->clock();
    nic->top.sample = 0;
    nic->settle();
    nic->clock();
    memcpy(out, &nic->top.hits, size);
}

#if VM_COVERAGE
// What Verilator has counted.
void nic_save(Nic* nic, const char* path) { nic->context.coveragep()->write(path); }
#endif

}  // extern "C"

// The exported NIC as a shared library: whole frames and registers in, whole frames out.
//
// Compiled once for each NIC together with what Verilator makes of its Verilog (class Vnic); WIDTH
// is the number of bytes per beat.  Every call runs the clock only as long as it needs to, at most a
// bounded number of cycles, and leaves the NIC between two cycles.  Negative results are errors, see
// `Failure`.  Where one of WAVES_VCD and WAVES_FST is defined, it can write waves of that format,
// PERIOD time units a cycle.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "Vnic.h"
#include "verilated.h"

#if defined(WAVES_VCD)
#include "verilated_vcd_c.h"
using Waves = VerilatedVcdC;
#define WAVES
#elif defined(WAVES_FST)
#include "verilated_fst_c.h"
using Waves = VerilatedFstC;
#define WAVES
#endif

namespace {

enum Failure : int64_t {
    STUCK = -1,     // the NIC does not take or finish a frame, or does not answer on the bus
    REFUSED = -2,   // the bus answered with an error
    OVERFLOW_ = -3, // the frames that came out do not fit the caller's buffer
    CLOSED = -4,    // the waves cannot be written
};

constexpr unsigned BUS_PATIENCE = 1000;  // cycles that a register access may take

struct Nic {
    VerilatedContext context;
    Vnic top{&context};
    uint64_t cycles = 0;
#ifdef WAVES
    uint64_t began = 0;            // cycle with which the waves begin
    std::unique_ptr<Waves> waves;  // while they are written

    void record(bool edge) {
        if (waves) {
            waves->dump((cycles - began) * PERIOD + edge * PERIOD / 2);
        }
    }
#else
    void record(bool) {}
#endif

    // A cycle has two halves: `settle` lets the inputs reach the outputs, `clock` ends it.  What was
    // seen between them is what the rising edge acts upon.
    void settle() {
        top.clk = 0;
        top.eval();
        record(false);
    }

    void clock() {
        top.clk = 1;
        top.eval();
        record(true);
        ++cycles;
    }

    void reset() {
        top.rst = 1;
        for (int i = 0; i < 8; ++i) {
            settle();
            clock();
        }
        top.rst = 0;
        settle();
        clock();
    }
};

// Ports are unsigned integers up to 64 bits and arrays of 32-bit words beyond; in the memory of a
// little-endian host both are simply the lanes in order.
void put_beat(Vnic& top, const uint8_t* bytes, size_t count, bool last) {
    if (count < WIDTH) {
        memset(&top.s_axis_rx_tdata, 0, sizeof top.s_axis_rx_tdata);
    }
    memcpy(&top.s_axis_rx_tdata, bytes, count);
    top.s_axis_rx_tkeep = ~uint64_t{0} >> (64 - count);
    top.s_axis_rx_tlast = last;
}

// Frames in a caller's buffer, each a 32-bit length and its bytes.
class Reader {
public:
    Reader(const uint8_t* data, size_t size) : at_(data), end_(data + size) { next(); }

    bool done() const { return left_ == 0; }
    const uint8_t* bytes() const { return at_; }
    size_t beat() const { return left_ < WIDTH ? left_ : WIDTH; }
    bool last() const { return left_ <= WIDTH; }

    void advance() {
        const size_t count = beat();
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
        left_ = length;
    }

    const uint8_t* at_;
    const uint8_t* end_;
    size_t left_ = 0;
};

class Writer {
public:
    Writer(uint8_t* data, size_t size) : start_(data), end_(data + size), head_(data) {
        at_ = size < 4 ? end_ : data + 4;
    }

    // False where the buffer is full.
    bool add(const Vnic& top) {
        const size_t count = __builtin_popcountll(top.m_axis_rx_tkeep);
        if (size_t(end_ - at_) < count + 4) {
            return false;
        }
        memcpy(at_, &top.m_axis_rx_tdata, count);
        at_ += count;
        if (top.m_axis_rx_tlast) {
            const uint32_t length = at_ - head_ - 4;
            memcpy(head_, &length, sizeof length);
            head_ = at_;
            at_ += 4;
        }
        return true;
    }

    bool within_frame() const { return at_ != head_ + 4; }
    int64_t size() const { return head_ - start_; }

private:
    uint8_t* start_;
    uint8_t* end_;
    uint8_t* head_;  // of the frame under way
    uint8_t* at_;
};

}  // namespace

extern "C" {

Nic* nic_new() {
    Nic* nic = new Nic;
#ifdef WAVES
    nic->context.traceEverOn(true);
#endif
    nic->top.m_axis_tx_tready = 1;
    nic->reset();
    return nic;
}

void nic_free(Nic* nic) { delete nic; }

uint64_t nic_cycles(const Nic* nic) { return nic->cycles; }

// Send the `frames` in `in` from the wire, gather what the host gets into `out`; returns its size.
// Ends when as many frames came out as went in, or when nothing moved for `patience` cycles.
int64_t nic_exchange(Nic* nic, const uint8_t* in, size_t in_size, uint64_t frames, uint8_t* out,
                     size_t out_size, uint64_t patience) {
    Vnic& top = nic->top;
    Reader reader(in, in_size);
    Writer writer(out, out_size);
    int64_t result = 0;
    uint64_t quiet = 0;
    top.m_axis_rx_tready = 1;
    if (!reader.done()) {
        put_beat(top, reader.bytes(), reader.beat(), reader.last());
    }
    while (frames != 0 && quiet != patience) {
        top.s_axis_rx_tvalid = !reader.done();
        nic->settle();
        const bool taken = top.s_axis_rx_tvalid && top.s_axis_rx_tready;
        if (top.m_axis_rx_tvalid) {
            frames -= top.m_axis_rx_tlast;
            if (!writer.add(top)) {
                result = OVERFLOW_;
                break;
            }
        }
        quiet = taken || top.m_axis_rx_tvalid ? 0 : quiet + 1;
        nic->clock();
        if (taken) {
            reader.advance();
            if (!reader.done()) {
                put_beat(top, reader.bytes(), reader.beat(), reader.last());
            }
        }
    }
    top.s_axis_rx_tvalid = 0;
    top.m_axis_rx_tready = 0;
    if (result == 0) {
        result = reader.done() && !writer.within_frame() ? writer.size() : int64_t{STUCK};
    }
    return result;
}

// Write `count` words to one address.  Address and data run ahead of the answers as far as the bus
// lets them.
int64_t nic_write(Nic* nic, uint32_t address, const uint32_t* words, size_t count) {
    Vnic& top = nic->top;
    size_t addressed = 0, written = 0, answered = 0;
    bool refused = false;
    top.s_axil_awaddr = address;
    top.s_axil_wstrb = 0xF;
    top.s_axil_bready = 1;
    for (unsigned quiet = 0; answered < count && quiet < BUS_PATIENCE; ++quiet) {
        top.s_axil_awvalid = addressed < count;
        top.s_axil_wvalid = written < count;
        top.s_axil_wdata = written < count ? words[written] : 0;
        nic->settle();
        addressed += top.s_axil_awvalid && top.s_axil_awready;
        written += top.s_axil_wvalid && top.s_axil_wready;
        if (top.s_axil_bvalid) {
            refused |= top.s_axil_bresp != 0;
            ++answered;
            quiet = 0;
        }
        nic->clock();
    }
    top.s_axil_awvalid = 0;
    top.s_axil_wvalid = 0;
    top.s_axil_bready = 0;
    return answered < count ? STUCK : refused ? REFUSED : 0;
}

// The word at an address, or a failure.
int64_t nic_read(Nic* nic, uint32_t address) {
    Vnic& top = nic->top;
    bool addressed = false;
    int64_t result = STUCK;
    top.s_axil_araddr = address;
    top.s_axil_rready = 1;
    for (unsigned quiet = 0; result == STUCK && quiet < BUS_PATIENCE; ++quiet) {
        top.s_axil_arvalid = !addressed;
        nic->settle();
        addressed |= top.s_axil_arvalid && top.s_axil_arready;
        if (top.s_axil_rvalid) {
            result = top.s_axil_rresp == 0 ? int64_t{top.s_axil_rdata} : int64_t{REFUSED};
        }
        nic->clock();
    }
    top.s_axil_arvalid = 0;
    top.s_axil_rready = 0;
    return result;
}

#ifdef WAVES
// Write the waves of all that happens from now on to a file, until `nic_close_waves`.
int64_t nic_open_waves(Nic* nic, const char* path) {
    nic->began = nic->cycles;
    nic->waves = std::make_unique<Waves>();
    nic->waves->set_time_unit("1ns");
    nic->waves->set_time_resolution("1ns");
    nic->top.trace(nic->waves.get(), 99);
    nic->waves->open(path);
    if (!nic->waves->isOpen()) {
        nic->waves.reset();
        return CLOSED;
    }
    return 0;
}

int64_t nic_close_waves(Nic* nic) {
    nic->waves->close();
    nic->waves.reset();
    return 0;
}
#endif

}  // extern "C"

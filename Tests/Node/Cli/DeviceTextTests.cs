using Mesh.Node.Cli;
using Mesh.Node.Local;

namespace Mesh.Tests.Node.Cli;

public sealed class DeviceTextTests
{
    [Fact]
    public void A_device_is_printed_as_tables() => Assert.Equal("""
        mesh0: UDP port 51820, backend uapi, reopened 2 times
        can: SystemPacketFilter
        lacks: no drop counters; no path probes

        FEATURE           STATE  DETAIL
        SendSegmentation  on     64 segments
        MultiQueue        off    -

        DROPPED FOR  PACKETS
        NoRoute      3
        Policy       12

        PEER    ENDPOINT         SUITE                          HANDSHAKE  RX BYTES  TX BYTES  RX PACKETS  TX PACKETS
        laptop  192.0.2.1:51820  chacha20-poly1305 (fell back)  61s ago    1000      20        -           -
        server  -                -                              -          0         0         4           5

        """, DeviceText.Print(new DeviceDocument(
        "mesh0", 51820,
        new TunnelDocument("uapi", ["SystemPacketFilter"], ["no drop counters", "no path probes"],
            [new FeatureDocument("SendSegmentation", true, "64 segments"), new FeatureDocument("MultiQueue", false, "")]),
        2, new Dictionary<string, long> { ["Policy"] = 12, ["NoRoute"] = 3 },
        [
            new DevicePeerDocument("laptop", "key", "192.0.2.1:51820", "chacha20-poly1305", true, 61.2, 1000, 20, null, null),
            new DevicePeerDocument("server", "key", null, null, null, null, 0, 0, 4, 5),
        ])));

    [Fact]
    public void What_is_empty_is_left_out() => Assert.Equal("mesh0: UDP port 0, backend managed, reopened 0 times\ncan: -\n", DeviceText.Print(
        new DeviceDocument("mesh0", 0, new TunnelDocument("managed", [], [], []), 0, new Dictionary<string, long>(), [])));
}

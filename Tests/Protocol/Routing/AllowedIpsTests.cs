using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using Mesh.Protocol.Routing;

namespace Mesh.Tests.Protocol.Routing;

public sealed class AllowedIpsTests
{
    static (string Peer, ImmutableArray<IpPrefix> Prefixes) Entry(string prefix, string peer) => (peer, [IpPrefix.Parse(prefix)]);

    static string? Find(AllowedIps<string> table, string address) => table.Find(IPAddress.Parse(address).GetAddressBytes());

    static AllowedIps<string> Table(params (string Peer, ImmutableArray<IpPrefix> Prefixes)[] more) => AllowedIps<string>.Build(
    [
        Entry("192.168.4.0/24", "a"), Entry("192.168.4.4/32", "b"), Entry("192.168.0.0/16", "c"), Entry("192.95.5.64/27", "d"),
        Entry("192.95.5.65/27", "c"), Entry("0.0.0.0/0", "e"), Entry("64.15.112.0/20", "g"), Entry("64.15.123.128/25", "h"), .. more,
    ]);

    [Theory]
    [InlineData("192.168.4.20", "a")]
    [InlineData("192.168.4.4", "b")]
    [InlineData("192.168.200.182", "c")]
    [InlineData("192.95.5.68", "c")]
    [InlineData("192.95.5.96", "e")]
    [InlineData("64.15.116.26", "g")]
    [InlineData("64.15.127.3", "g")]
    [InlineData("64.15.123.200", "h")]
    [InlineData("8.8.8.8", "e")]
    [InlineData("::1", null)]
    public void The_longest_prefix_decides(string address, string? peer) => Assert.Equal(peer, Find(Table(), address));

    [Fact]
    public void A_prefix_goes_over_to_the_last_peer_named_for_it()
    {
        var table = Table(("z", [IpPrefix.Parse("192.168.4.0/24"), IpPrefix.Parse("fd00::/8")]));
        Assert.Equal("z", Find(table, "192.168.4.20"));
        Assert.Equal("b", Find(table, "192.168.4.4"));
        Assert.Equal("z", Find(table, "fd12::1"));
        Assert.Equal(8, table.Count);
    }

    [Fact]
    public void What_is_no_address_and_what_nobody_has_is_found_at_nobody()
    {
        Assert.Null(Table().Find([1, 2, 3]));
        Assert.Null(AllowedIps<string>.Empty.Find([192, 168, 4, 20]));
        Assert.Null(AllowedIps<string>.Empty.Find(new byte[16]));
    }

    [Fact]
    public void Agrees_with_a_naive_reference()
    {
        for (var seed = 0; seed < 24; seed++)
        {
            var random = new Random(seed);
            var entries = new List<(string Peer, ImmutableArray<IpPrefix> Prefixes)>();
            for (var i = 0; i < 200; i++)
            {
                var address = Address(random);
                entries.Add(($"peer{random.Next(20)}", [new IpPrefix(address, random.Next((address.Length * 8) + 1))]));
            }
            var table = AllowedIps<string>.Build(entries);
            Assert.Equal(entries.SelectMany(entry => entry.Prefixes).Distinct().Count(), table.Count);
            for (var i = 0; i < 1000; i++)
            {
                var address = Address(random);
                string? expected = null;
                var longest = -1;
                foreach (var (peer, prefixes) in entries)
                {
                    var prefix = prefixes[0];
                    if (prefix.Length >= longest && prefix.Contains(address))
                        (longest, expected) = (prefix.Length, peer);
                }
                Assert.True(expected == table.Find(address), $"seed {seed}: {new IPAddress(address)}");
            }
        }

        // Few distinct bits, so that prefixes nest and meet.
        static byte[] Address(Random random)
        {
            var address = new byte[random.Next(2) == 0 ? 4 : 16];
            for (var i = 0; i < address.Length; i++)
                address[i] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)(random.Next(2) * 0x80);
            return address;
        }
    }

    [Fact]
    public void Holds_130_560_prefixes_and_finds_without_allocating()
    {
        var (v4s, v6s) = (ImmutableArray.CreateBuilder<IpPrefix>(), ImmutableArray.CreateBuilder<IpPrefix>());
        for (var i = 0; i < 255; i++)
        {
            for (var j = 0; j < 256; j++)
            {
                v4s.Add(new IpPrefix([10, (byte)i, (byte)j, 0], 24));
                v6s.Add(new IpPrefix([0xfd, 0, (byte)i, (byte)j, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 64));
            }
        }
        (string, ImmutableArray<IpPrefix>)[] entries = [("v4", v4s.DrainToImmutable()), ("v6", v6s.DrainToImmutable())];
        var watch = Stopwatch.StartNew();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var table = AllowedIps<string>.Build(entries);
        // Two nodes for each prefix, of 16 and 32 bytes.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 2 * 65_280 * (16 + 32) * 9 / 8);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"built in {watch.Elapsed}");
        Assert.Equal(130_560, table.Count);

        Span<byte> v4 = [10, 77, 78, 79];
        Span<byte> v6 = [0xfd, 0, 5, 6, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        var before = GC.GetAllocatedBytesForCurrentThread();
        var found = 0;
        for (var i = 0; i < 100_000; i++)
        {
            v4[1] = (byte)(i % 255);
            v6[3] = (byte)i;
            found += ReferenceEquals(table.Find(v4), "v4") ? 1 : 0;
            found += ReferenceEquals(table.Find(v6), "v6") ? 1 : 0;
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(200_000, found);
    }

    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("10.1.2.3/8", "10.0.0.0/8")]
    [InlineData("10.1.2.3", "10.1.2.3/32")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("2001:db8::1/33", "2001:db8::/33")]
    [InlineData("::1", "::1/128")]
    [InlineData("::/0", "::/0")]
    public void Prefixes_read_and_print(string text, string printed) => Assert.Equal(printed, IpPrefix.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0/8")]
    [InlineData("10")]
    [InlineData("::/129")]
    [InlineData("fe80::1%3/64")]
    [InlineData("[::1]/64")]
    [InlineData("10.0.0.0/8 ")]
    [InlineData("name/8")]
    public void What_is_no_prefix_is_refused(string text) => Assert.False(IpPrefix.TryParse(text, out _));
}

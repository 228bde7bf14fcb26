using System.Security.Cryptography;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Tests.Kit.Network;

namespace Mesh.Tests.Protocol.Tunnel;

public sealed class ValueTests
{
    [Theory]
    [InlineData("192.0.2.1:51820", "192.0.2.1:51820")]
    [InlineData("[2001:db8::1]:443", "[2001:db8::1]:443")]
    [InlineData("[::ffff:192.0.2.1]:5", "192.0.2.1:5")]
    [InlineData("[fe80::1%3]:9", "[fe80::1%3]:9")]
    public void Endpoints_read_and_print(string text, string printed)
    {
        Assert.True(EndpointAddress.TryParse(text, out var endpoint));
        Assert.Equal(printed, endpoint.ToString());
        Assert.True(EndpointAddress.TryParse(printed, out var again));
        Assert.Equal(endpoint, again);
        Assert.Equal(endpoint, EndpointAddress.From(endpoint.ToIPEndPoint()));
        Assert.Equal(endpoint.GetHashCode(), again.GetHashCode());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(":5")]
    [InlineData("192.0.2.1")]
    [InlineData("192.0.2:5")]
    [InlineData("192.0.2.1:65536")]
    [InlineData("192.0.2.1:-1")]
    [InlineData("2001:db8::1:443")]
    [InlineData("[192.0.2.1]:5")]
    [InlineData("host:5")]
    public void What_is_no_endpoint_is_refused(string? text) => Assert.False(EndpointAddress.TryParse(text, out _));

    [Fact]
    public void Endpoints_differ_by_address_port_and_scope()
    {
        var address = Convert.FromHexString("fe800000000000000000000000000001");
        var endpoint = new EndpointAddress(address, 1, 2);
        Assert.NotEqual(endpoint, new EndpointAddress(address, 1, 3));
        Assert.NotEqual(endpoint, new EndpointAddress(address, 2, 2));
        Assert.True(default(EndpointAddress).IsNone);
        Assert.Equal("none", default(EndpointAddress).ToString());
    }

    [Fact]
    public void Timestamps_increase_whatever_the_clock_does()
    {
        var noon = WallTime.From(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
        var first = Tai64N.After(default, noon);
        Assert.Equal(new Tai64N((1UL << 62) + 10 + (ulong)(noon.UnixMilliseconds / 1000), 0), first);
        var second = Tai64N.After(first, noon);
        Assert.True(second > first);
        Assert.True(Tai64N.After(second, noon - TimeSpan.FromDays(1)) > second);
        Assert.True(Tai64N.After(second, noon + TimeSpan.FromMilliseconds(16)) > second);
        Assert.Equal(new Tai64N(1UL << 63, 0), Tai64N.After(new Tai64N((1UL << 63) - 1, 999_999_999), noon));
        var bytes = new byte[12];
        second.WriteTo(bytes);
        Assert.Equal(second, Tai64N.Read(bytes));
    }

    /// <summary>These numbers are counted, exported and documented: none may change its meaning.</summary>
    [Fact]
    public void Drop_reasons_keep_their_numbers() => Assert.Equal(
        "None=0 MessageLength=1 MessageType=2 Mac1=3 CookieRequired=4 SourceLimited=5 HandshakeQueueFull=6 HandshakeAuthentication=7 "
        + "UnknownPeer=8 StaleTimestamp=9 InitiationFlood=10 UnexpectedMessage=11 CookieAuthentication=12 UnknownSession=13 SessionExpired=14 "
        + "SessionRetired=15 Replay=16 TransportAuthentication=17 BufferTooSmall=18 InnerPacket=19 InnerSource=20 NoRoute=21 NoEndpoint=22 "
        + "StagingOverflow=23 HandshakeGaveUp=24 Policy=25 TooBig=26 Io=27 Down=28 InnerDestination=29 "
        + "Fragment=30 PolicySend=31",
        string.Join(' ', Enum.GetValues<DropReason>().Order().Select(reason => $"{reason}={(int)reason}")));

    [Fact]
    public void Numbers_of_the_paper()
    {
        Assert.Equal(1UL << 60, TunnelSpecification.RekeyAfterMessages);
        Assert.Equal(ulong.MaxValue - 8192, TunnelSpecification.RejectAfterMessages);
        Assert.Equal((120, 180, 90, 5, 10, 165, 15, 540, 120), ((int)TunnelSpecification.RekeyAfterTime.TotalSeconds,
            (int)TunnelSpecification.RejectAfterTime.TotalSeconds, (int)TunnelSpecification.RekeyAttemptTime.TotalSeconds,
            (int)TunnelSpecification.RekeyTimeout.TotalSeconds, (int)TunnelSpecification.KeepaliveTimeout.TotalSeconds,
            (int)TunnelSpecification.RekeyOnReceiveAfterTime.TotalSeconds, (int)TunnelSpecification.DeadPeerTimeout.TotalSeconds,
            (int)TunnelSpecification.ZeroKeysAfterTime.TotalSeconds, (int)TunnelSpecification.CookieLifetime.TotalSeconds));
        var hash = new byte[32];
        Blake2s.Hash(hash, TunnelSpecification.Construction);
        Assert.Equal("60e26daef327efc02ec335e2a025d2d016eb4206f87277f52d38d1988b78cd36", Convert.ToHexStringLower(hash));
        Blake2s.Hash(hash, hash, TunnelSpecification.Identifier);
        Assert.Equal("2211b361081ac566691243db458ad5322d9c6c662293e8b70ee19c65ba079ef3", Convert.ToHexStringLower(hash));
    }

    /// <summary>The messages of a handshake from fixed seeds: what is on the wire stays what it is.</summary>
    [Fact]
    public void A_seeded_handshake_has_these_bytes()
    {
        var pair = new Pair(seed: 424242, presharedKey: Enumerable.Repeat((byte)0x55, 32).ToArray());
        var messages = new List<byte[]>();
        pair.Network.Filter = datagram =>
        {
            messages.Add(datagram.Bytes);
            return true;
        };
        pair.AliceSends(1, 2, 3);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([148, 92, 48, 32], messages.Select(message => message.Length));
        Assert.Equal(_golden, messages.Select(message => Convert.ToHexStringLower(SHA256.HashData(message))[..32]));
    }

    static readonly string[] _golden =
    [
        "10b4e0e21f0bed010eafa697b6ba055d", "dd76d064f9a9a4bdec025db8cff2b58f", "7877b026aa9aa8b6c70fb4f37cd2bbc8",
        "48a15da75783f873aa994e9aff14d5b5",
    ];
}

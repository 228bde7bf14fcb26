using System.Text;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Protocol.Uapi;

namespace Mesh.Tests.Protocol.Uapi;

/// <summary>Answers to requests, both ways.</summary>
public sealed class UapiDeviceTests
{
    const string Full =
        "private_key=a8dac1d8a70a751f0f699fb14ba1cff7b79cf4fbd8f09f44c6e6a90d0369604f\nlisten_port=51820\nfwmark=16\n" +
        "public_key=58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376\n" +
        "preshared_key=b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33\nprotocol_version=1\n" +
        "endpoint=[fe80::1%9]:5\nlast_handshake_time_sec=1800000000\nlast_handshake_time_nsec=7000000\ntx_bytes=11\nrx_bytes=22\n" +
        "persistent_keepalive_interval=25\nallowed_ip=10.0.0.0/24\nallowed_ip=fd00::/64\n" +
        "public_key=662e14fd594556f522604703340351258903b64f35553763f19426ab2a515c58\n" +
        "preshared_key=0000000000000000000000000000000000000000000000000000000000000000\nprotocol_version=1\n" +
        "last_handshake_time_sec=0\nlast_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=0\nerrno=0\n\n";

    static string Print(UapiDevice device)
    {
        using UapiBuffer output = new();
        device.WriteReply(output, UapiScopes.Numeric);
        return Encoding.Latin1.GetString(output.Written.Span);
    }

    static bool TryParse(string text, out UapiDevice? device, out int errno) =>
        UapiDevice.TryParseReply(Encoding.Latin1.GetBytes(text), UapiScopes.Numeric, out device, out errno);

    [Fact]
    public void ADeviceWithoutAnythingIsJustErrno() => Assert.Equal("errno=0\n\n", Print(new UapiDevice(null, 0, 0, [])));

    [Fact]
    public void AnAnswerIsReadAndPrintedAsTheSameBytes()
    {
        Assert.True(TryParse(Full, out var device, out var errno));
        Assert.Equal(0, errno);
        Assert.Equal(Full, Print(device!));
        var peer = device!.Peers[0];
        Assert.Equal(new WallTime(1_800_000_000_007), peer.LastHandshake);
        Assert.Equal([IpPrefix.Parse("10.0.0.0/24"), IpPrefix.Parse("fd00::/64")], peer.AllowedIps.ToArray());
        Assert.Equal((11, 22, 25), (peer.SentBytes, peer.ReceivedBytes, peer.PersistentKeepalive));
        Assert.True(device.Peers[1].Endpoint.IsNone);
        Assert.Null(device.Peers[1].LastHandshake);
    }

    [Fact]
    public void LinesOfALaterRevisionAreIgnored()
    {
        Assert.True(TryParse(Full.Replace("fwmark=16\n", "fwmark=16\ncolour=red\n").Replace("rx_bytes=22\n", "rx_bytes=22\nsmell=1\n"), out var device, out _));
        Assert.Equal(Full, Print(device!));
    }

    [Theory]
    [InlineData("errno=-22\n\n", -22)]
    [InlineData("errno=1\n\n", 1)]
    [InlineData("", -71)]
    [InlineData("\n", -71)]
    [InlineData("listen_port=1\n\n", -71)]
    [InlineData("listen_port=x\nerrno=0\n\n", -71)]
    [InlineData("nonsense\nerrno=0\n\n", -71)]
    [InlineData("errno=no\n\n", -71)]
    public void RefusalsAndNonsenseAreNoDevice(string text, int errno)
    {
        Assert.False(TryParse(text, out var device, out var told));
        Assert.Null(device);
        Assert.Equal(errno, told);
        Assert.Equal(errno, UapiDevice.ParseErrno(Encoding.Latin1.GetBytes(text)));
    }

    [Fact]
    public void TheAnswerToASetIsItsErrno()
    {
        Assert.Equal(0, UapiDevice.ParseErrno("errno=0\n\n"u8));
        Assert.Equal(UapiErrno.AddressInUse, UapiDevice.ParseErrno("errno=-98\n\n"u8));
    }
}

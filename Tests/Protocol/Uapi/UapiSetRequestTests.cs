using System.Text;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Tunnel;
using Mesh.Protocol.Uapi;

namespace Mesh.Tests.Protocol.Uapi;

/// <summary>Set requests line by line; errnos and accepted forms are those of wireguard-go 0.0.20231211 for the same bytes.</summary>
public sealed class UapiSetRequestTests
{
    const string Peer = "public_key=58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376\n";
    const string Key = "a8dac1d8a70a751f0f699fb14ba1cff7b79cf4fbd8f09f44c6e6a90d0369604f";

    static readonly UapiScopes Scopes = new(name => name == "eth7" ? 7u : null, index => $"eth{index}");

    static UapiSetRequest Parse(string lines) => UapiSetRequest.Parse(Encoding.Latin1.GetBytes(lines), Scopes);

    [Theory]
    [InlineData("", 0)]
    [InlineData("\n", 0)]
    [InlineData("foo=1\n", -22)]
    [InlineData("foo\n", -71)]
    [InlineData("=5\n", -22)]
    [InlineData("private_key=zz\n", -22)]
    [InlineData("private_key=" + Key + "00\n", -22)]
    [InlineData("private_key=" + Key + "\n", 0)]
    [InlineData("private_key=A8DAC1D8A70A751F0F699FB14BA1CFF7B79CF4FBD8F09F44C6E6A90D0369604F\n", 0)]
    [InlineData("listen_port=65535\r\n", 0)]
    [InlineData("listen_port=65536\n", -22)]
    [InlineData("listen_port=-1\n", -22)]
    [InlineData("listen_port=+5\n", -22)]
    [InlineData("listen_port= 5\n", -22)]
    [InlineData("listen_port=0x10\n", -22)]
    [InlineData("listen_port=5=6\n", -22)]
    [InlineData("listen_port=\n", -22)]
    [InlineData("fwmark=4294967295\n", 0)]
    [InlineData("fwmark=4294967296\n", -22)]
    [InlineData("fwmark=0x10\n", -22)]
    [InlineData("replace_peers=true\n", 0)]
    [InlineData("replace_peers=false\n", -22)]
    [InlineData("replace_peers=1\n", -22)]
    [InlineData("public_key=zz\n", -22)]
    [InlineData("preshared_key=" + Key + "\n", -22)]
    [InlineData(Peer + "listen_port=5\n", -22)]
    [InlineData(Peer + "preshared_key=" + Key + "\n", 0)]
    [InlineData(Peer + "protocol_version=1\n", 0)]
    [InlineData(Peer + "protocol_version=2\n", -22)]
    [InlineData(Peer + "replace_allowed_ips=false\n", -22)]
    [InlineData(Peer + "remove=false\n", -22)]
    [InlineData(Peer + "update_only=false\n", -22)]
    [InlineData(Peer + "persistent_keepalive_interval=65535\n", 0)]
    [InlineData(Peer + "persistent_keepalive_interval=65536\n", -22)]
    [InlineData(Peer + "persistent_keepalive_interval=off\n", -22)]
    [InlineData(Peer + "endpoint=1.2.3.4\n", -22)]
    [InlineData(Peer + "endpoint=1.2.3.4:65536\n", -22)]
    [InlineData(Peer + "endpoint=1.2.3.4:0\n", 0)]
    [InlineData(Peer + "endpoint=host:5\n", -22)]
    [InlineData(Peer + "endpoint=fe80::1:5\n", -22)]
    [InlineData(Peer + "endpoint=[fe80::1]:5\n", 0)]
    [InlineData(Peer + "endpoint=[fe80::1%eth7]:5\n", 0)]
    [InlineData(Peer + "endpoint=[fe80::1%eth8]:5\n", -22)]
    [InlineData(Peer + "endpoint=[1.2.3.4]:5\n", -22)]
    [InlineData(Peer + "endpoint=[]:5\n", -22)]
    [InlineData(Peer + "allowed_ip=\n", -22)]
    [InlineData(Peer + "allowed_ip=/0\n", -22)]
    [InlineData(Peer + "allowed_ip=10.0.0.1\n", -22)]
    [InlineData(Peer + "allowed_ip=10.0.0.1/33\n", -22)]
    [InlineData(Peer + "allowed_ip=10.0.0.1/08\n", -22)]
    [InlineData(Peer + "allowed_ip=010.0.0.1/8\n", -22)]
    [InlineData(Peer + "allowed_ip=0x10.0.0.1/8\n", -22)]
    [InlineData(Peer + "allowed_ip=10.1/8\n", -22)]
    [InlineData(Peer + "allowed_ip=fe80::1%eth7/64\n", -22)]
    [InlineData(Peer + "allowed_ip=::/00\n", -22)]
    [InlineData(Peer + "allowed_ip=::/129\n", -22)]
    [InlineData(Peer + "allowed_ip=::ffff:1.2.3.0/120\n", 0)]
    [InlineData(Peer + "allowed_ip=::/0\nallowed_ip=0.0.0.0/0\n", 0)]
    public void EachLineIsTakenOrRefusedWithItsErrno(string lines, int errno) => Assert.Equal(errno, Parse(lines).Errno);

    [Fact]
    public void LinesBeforeABadOneStandAndLinesBehindItDoNot()
    {
        var request = Parse("listen_port=5\n" + Peer + "endpoint=host:1\nremove=true\n");
        Assert.Equal(UapiErrno.Invalid, request.Errno);
        Assert.Equal(2, request.Operations.Length);
        Assert.Equal(new UapiOperation.SetListenPort(5), request.Operations[0]);
        Assert.IsType<UapiOperation.Peer>(request.Operations[1]);
    }

    [Fact]
    public void AnEmptyLineEndsTheRequest() => Assert.Single(Parse("listen_port=5\n\nlisten_port=6\n").Operations);

    [Fact]
    public void ZeroKeysAreNoKeys()
    {
        var request = Parse($"private_key={new string('0', 64)}\n{Peer}preshared_key={new string('0', 64)}\n");
        Assert.Null(((UapiOperation.SetPrivateKey)request.Operations[0]).Key);
        Assert.Null(((UapiOperation.SetPresharedKey)request.Operations[2]).Key);
    }

    [Fact]
    public void WhatIsWrittenIsReadAsTheSame()
    {
        const string text =
            "set=1\nprivate_key=" + Key + "\nlisten_port=51820\nfwmark=51820\nreplace_peers=true\n" + Peer +
            "protocol_version=1\nupdate_only=true\nremove=true\npreshared_key=" + Key + "\nendpoint=[fe80::1%eth7]:51820\n" +
            "persistent_keepalive_interval=25\nreplace_allowed_ips=true\nallowed_ip=10.0.0.0/24\nallowed_ip=-fd00::/64\n\n";
        using UapiBuffer output = new();
        UapiSetRequest.Write(Parse(text["set=1\n".Length..]).Operations, output, Scopes);
        Assert.Equal(text, Encoding.Latin1.GetString(output.Written.Span));
    }

    [Fact]
    public void HostBitsAreCleared()
    {
        var operations = Parse(Peer + "allowed_ip=10.1.2.3/24\nallowed_ip=-fd00::7/64\n").Operations;
        Assert.Equal(new UapiOperation.AllowIp(IpPrefix.Parse("10.1.2.0/24")), operations[1]);
        Assert.Equal(new UapiOperation.DisallowIp(IpPrefix.Parse("fd00::/64")), operations[2]);
    }

    [Fact]
    public void KeysThatNobodyTookAreZeroed()
    {
        var request = Parse($"private_key={Key}\n{Peer}update_only=true\npreshared_key={Key}\n");
        var configuration = UapiConfiguration.Empty.Apply(request.Operations);
        request.DisposeUnused(configuration);
        Assert.Throws<ObjectDisposedException>(() => ((UapiOperation.SetPresharedKey)request.Operations[3]).Key!.Span.Length);
        Assert.Equal(TunnelPrivateKey.Size, configuration.PrivateKey!.Span.Length);
    }

    [Fact]
    public void ABufferZeroesWhatItLeavesBehind()
    {
        UapiBuffer buffer = new();
        buffer.WriteLine("private_key");
        var before = buffer.Written;
        buffer.Room(1 << 16);
        Assert.False(before.Span.ContainsAnyExcept((byte)0));
        Assert.Equal("private_key\n", Encoding.Latin1.GetString(buffer.Written.Span));
        buffer.Consume(8);
        Assert.Equal("key\n", Encoding.Latin1.GetString(buffer.Written.Span));
        var after = buffer.Written;
        buffer.Dispose();
        Assert.False(after.Span.ContainsAnyExcept((byte)0));
    }
}

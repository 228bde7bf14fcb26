using System.Diagnostics;
using System.Text;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Routing;
using Mesh.Protocol.Time;
using Mesh.Protocol.Tunnel;
using Mesh.Protocol.Uapi;

namespace Mesh.Tests.Protocol.Uapi;

/// <summary>What set requests make of a configuration; the outcomes are those of wireguard-go 0.0.20231211 for the same requests.</summary>
public sealed class UapiConfigurationTests
{
    static readonly TunnelPublicKey A = Named(1), B = Named(2);

    static TunnelPublicKey Named(byte number) => new(Enumerable.Repeat(number, 32).ToArray());

    static string Hex(TunnelPublicKey key) => Convert.ToHexStringLower(key.Value.Span);

    static UapiConfiguration Set(UapiConfiguration configuration, string lines)
    {
        var request = UapiSetRequest.Parse(Encoding.Latin1.GetBytes(lines), UapiScopes.Numeric);
        return configuration.Apply(request.Operations);
    }

    static string Ips(UapiConfiguration configuration, TunnelPublicKey key) =>
        string.Join(' ', configuration.Peers.Single(p => p.Key == key).AllowedIps);

    static readonly UapiConfiguration Two = Set(UapiConfiguration.Empty,
        $"public_key={Hex(A)}\nallowed_ip=10.0.0.0/24\nallowed_ip=10.0.1.0/24\nendpoint=1.2.3.4:5\npublic_key={Hex(B)}\nallowed_ip=10.0.2.0/24\n");

    [Fact]
    public void APrefixGoesToThePeerThatNamedItLast()
    {
        var moved = Set(Two, $"public_key={Hex(B)}\nallowed_ip=10.0.0.0/24\n");
        Assert.Equal("10.0.1.0/24", Ips(moved, A));
        Assert.Equal("10.0.2.0/24 10.0.0.0/24", Ips(moved, B));
        var back = Set(moved, $"public_key={Hex(A)}\nallowed_ip=10.0.0.0/24\npublic_key={Hex(B)}\nallowed_ip=10.0.0.0/24\npublic_key={Hex(A)}\nallowed_ip=10.0.0.0/24\n");
        Assert.Equal("10.0.1.0/24 10.0.0.0/24", Ips(back, A));
        Assert.Equal("10.0.2.0/24", Ips(back, B));
    }

    [Fact]
    public void APrefixHasTheOwnerThatANaiveReferenceGivesIt()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            var configuration = UapiConfiguration.Empty;
            Dictionary<string, byte> owners = [];
            for (var request = 0; request < 6; request++)
            {
                StringBuilder lines = new();
                for (var line = 0; line < 20; line++)
                {
                    var peer = (byte)random.Next(1, 5);
                    var prefix = $"10.0.{random.Next(8)}.0/24";
                    lines.Append($"public_key={Hex(Named(peer))}\n");
                    switch (random.Next(8))
                    {
                        case 0:
                            lines.Append("replace_allowed_ips=true\n");
                            Forget(peer);
                            break;
                        case 1:
                            lines.Append("remove=true\n");
                            Forget(peer);
                            break;
                        case 2 or 3:
                            lines.Append($"allowed_ip=-{prefix}\n");
                            if (owners.GetValueOrDefault(prefix) == peer)
                                owners.Remove(prefix);
                            break;
                        default:
                            lines.Append($"allowed_ip={prefix}\n");
                            owners[prefix] = peer;
                            break;
                    }
                }

                configuration = Set(configuration, lines.ToString());
                Assert.Equal(owners.Select(o => (o.Key, Hex(Named(o.Value)))).Order(),
                    configuration.Peers.SelectMany(p => p.AllowedIps.Select(prefix => (prefix.ToString(), Hex(p.Key)))).Order());
            }

            void Forget(byte peer)
            {
                foreach (var (prefix, _) in owners.Where(o => o.Value == peer).ToArray())
                    owners.Remove(prefix);
            }
        }
    }

    [Fact]
    public void APeerThatIsNotConcernedStaysTheSameObject()
    {
        var changed = Set(Two, $"listen_port=7\npublic_key={Hex(B)}\nallowed_ip=10.0.3.0/24\npersistent_keepalive_interval=5\n");
        Assert.Same(Two.Peers[0], changed.Peers[0]);
        Assert.Equal((7, 5), (changed.ListenPort, changed.Peers[1].PersistentKeepalive));
        var again = Set(changed, $"public_key={Hex(B)}\nallowed_ip=10.0.3.0/24\n");
        Assert.Same(changed.Peers[1], again.Peers[1]);
    }

    [Fact]
    public void AllowedAddressesAreReplacedAndTakenOneByOne()
    {
        Assert.Equal("10.9.0.0/24", Ips(Set(Two, $"public_key={Hex(A)}\nreplace_allowed_ips=true\nallowed_ip=10.9.0.0/24\n"), A));
        Assert.Equal("10.0.1.0/24", Ips(Set(Two, $"public_key={Hex(A)}\nallowed_ip=-10.0.0.0/24\nallowed_ip=-10.0.2.0/24\n"), A));
        Assert.Equal("10.0.2.0/24", Ips(Set(Two, $"public_key={Hex(A)}\nallowed_ip=-10.0.2.0/24\n"), B));
    }

    [Fact]
    public void UpdateOnlyAddsNobody()
    {
        var stranger = Hex(Named(9));
        Assert.Equal(2, Set(Two, $"public_key={stranger}\nupdate_only=true\nallowed_ip=10.0.0.0/24\n").Peers.Length);
        Assert.Equal("10.0.0.0/24 10.0.1.0/24", Ips(Set(Two, $"public_key={stranger}\nupdate_only=true\nallowed_ip=10.0.0.0/24\n"), A));
        Assert.Equal(2, Set(Two, $"public_key={stranger}\nallowed_ip=10.7.0.0/24\nupdate_only=true\n").Peers.Length);
        Assert.Equal(25, Set(Two, $"public_key={Hex(B)}\nupdate_only=true\npersistent_keepalive_interval=25\n").Peers[1].PersistentKeepalive);
    }

    [Fact]
    public void ARemovedPeerLosesEverythingAndMayComeBack()
    {
        var removed = Set(Two, $"public_key={Hex(A)}\nremove=true\nallowed_ip=10.8.0.0/24\n");
        Assert.Equal(B, Assert.Single(removed.Peers).Key);
        var back = Set(Two, $"public_key={Hex(A)}\nremove=true\npublic_key={Hex(A)}\nallowed_ip=10.8.0.0/24\n");
        Assert.Equal("10.8.0.0/24", Ips(back, A));
        Assert.True(back.Peers.Single(p => p.Key == A).Endpoint.IsNone);
        Assert.Equal("10.0.2.0/24 10.0.0.0/24", Ips(Set(removed, $"public_key={Hex(B)}\nallowed_ip=10.0.0.0/24\n"), B));
    }

    [Fact]
    public void ReplacingPeersStartsFromNone()
    {
        var replaced = Set(Two, $"listen_port=9\nreplace_peers=true\npublic_key={Hex(B)}\nallowed_ip=10.0.0.0/24\n");
        Assert.Equal("10.0.0.0/24", Ips(replaced, B));
        Assert.Single(replaced.Peers);
        Assert.Empty(Set(Two, $"replace_peers=true\npublic_key={Hex(B)}\nupdate_only=true\n").Peers);
    }

    [Fact]
    public void SettingAnEndpointAgainIsACommandEachTime()
    {
        var again = Set(Two, $"public_key={Hex(A)}\nendpoint=1.2.3.4:5\n");
        Assert.Equal(Two.Peers[0].Endpoint, again.Peers[0].Endpoint);
        Assert.NotEqual(Two.Peers[0].EndpointCommands, again.Peers[0].EndpointCommands);
    }

    [Fact]
    public void PresharedKeysComeAndGo()
    {
        var keyed = Set(Two, $"public_key={Hex(A)}\npreshared_key={new string('7', 64)}\n");
        Assert.Equal(0x77, keyed.Peers[0].PresharedKey!.Span[31]);
        Assert.Null(Set(keyed, $"public_key={Hex(A)}\npreshared_key={new string('0', 64)}\n").Peers[0].PresharedKey);
    }

    [Fact]
    public void NobodyIsAPeerOfItself()
    {
        using TunnelPrivateKey secret = new(Enumerable.Repeat((byte)5, 32).ToArray());
        var own = X25519.ComputePublicKey(secret);
        var line = $"private_key={Convert.ToHexStringLower(secret.Span)}\n";
        Assert.Empty(Set(UapiConfiguration.Empty, $"{line}public_key={Hex(own)}\nallowed_ip=10.0.0.0/8\n").Peers);
        Assert.Empty(Set(UapiConfiguration.Empty, $"public_key={Hex(own)}\nallowed_ip=10.0.0.0/8\n" ).Apply(
            [new UapiOperation.SetPrivateKey(secret)]).Peers);
    }

    [Fact]
    public void ManyPrefixesAreAppliedInReasonableTime()
    {
        StringBuilder lines = new($"public_key={Hex(A)}\nreplace_allowed_ips=true\n");
        for (var i = 0; i < 255; i++)
        {
            for (var j = 0; j < 256; j++)
                lines.Append($"allowed_ip=1.{i}.{j}.0/24\nallowed_ip={i + 1:x}:{j:x}::/32\n");
        }

        var bytes = Encoding.Latin1.GetBytes(lines.ToString());
        var watch = Stopwatch.StartNew();
        var configuration = UapiConfiguration.Empty.Apply(UapiSetRequest.Parse(bytes, UapiScopes.Numeric).Operations);
        Assert.Equal(130_560, configuration.Peers[0].AllowedIps.Length);
        configuration = Set(configuration, $"public_key={Hex(B)}\nallowed_ip=1.7.7.0/24\n");
        Assert.Equal(130_559, configuration.Peers[0].AllowedIps.Length);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"took {watch.Elapsed}");
    }
}

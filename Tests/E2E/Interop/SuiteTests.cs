using System.Text.Json;
using Mesh.Protocol.Crypto;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E.Interop;

/// <summary>Two nodes agree on a cipher suite, with a controller and without, and carry packets whichever it is.</summary>
public sealed class SuiteTests(ITestOutputHelper output)
{
    const string Aes = "suites = [\"aes-256-gcm\"]";

    [RequiresRootFact("ip", "ping")]
    public async Task Two_nodes_that_announce_aes_speak_it()
    {
        await using var lab = new TunnelLab();
        await lab.B.StartDaemonAsync(lab.A, null, Aes, "--suites", "aes-256-gcm");
        await lab.A.StartDaemonAsync(lab.B, lab.B.EndpointFor(v6: false), Aes, "--suites", "aes-256-gcm");
        Assert.True(lab.A.Ns.Ping(lab.B.Inside4, 10), "IPv4 through the tunnel");
        Assert.True(lab.B.Ns.Ping(lab.A.Inside6, 10), "IPv6 through the tunnel");
        Assert.Equal(("aes-256-gcm", false), Suite(lab.A));
        Assert.Equal(("aes-256-gcm", false), Suite(lab.B));
    }

    [RequiresRootFact("ip", "ping")]
    public async Task A_node_falls_back_where_the_other_does_not_announce_it()
    {
        await using var lab = new TunnelLab();
        await lab.B.StartDaemonAsync(lab.A, null, "", "--suites", "none");
        await lab.A.StartDaemonAsync(lab.B, lab.B.EndpointFor(v6: false), Aes, "--suites", "aes-256-gcm");
        // Two initiations, five seconds each, are not answered; the third is.
        await Eventually.TrueAsync("packets come through", TimeSpan.FromSeconds(15), () => lab.A.Ns.Ping(lab.B.Inside4, 1, 1));
        Assert.Equal(("chacha20-poly1305", true), Suite(lab.A));
        Assert.Equal(("chacha20-poly1305", false), Suite(lab.B));
        Assert.Contains("fell back to chacha20-poly1305", lab.A.StatusText(), StringComparison.Ordinal);
        Assert.DoesNotContain("fell back", lab.B.StatusText(), StringComparison.Ordinal);
    }

    [RequiresRootFact("ip", "ping", "wg", "wireguard-go")]
    public async Task Wireguard_go_is_spoken_to_plainly()
    {
        await using var lab = new TunnelLab();
        await lab.B.StartWireGuardGoAsync(lab.A, null);
        await lab.A.StartDaemonAsync(lab.B, lab.B.EndpointFor(v6: false), Aes, "--suites", "aes-256-gcm");
        await Eventually.TrueAsync("packets come through", TimeSpan.FromSeconds(15), () => lab.A.Ns.Ping(lab.B.Inside4, 1, 1));
        Assert.Equal(("chacha20-poly1305", true), Suite(lab.A));
    }

    [RequiresRootFact("ip", "ping")]
    public Task The_map_tells_nodes_what_both_announce() => MeshLab.RunJoinedAsync("mes", output, ["ada", "ben"], async lab =>
    {
        var (ada, ben) = (lab["ada"], lab["ben"]);
        var expected = CipherHardware.HasAes ? "aes-256-gcm" : "chacha20-poly1305";
        // Keys agreed before both had announced are replaced as soon as the map says so.
        await Eventually.TrueAsync($"sessions are {expected} at both ends", TimeSpan.FromSeconds(20), () =>
            ada.Ns.Ping(ben.V4, 1, 1)
            && Suite(ada.Mesh("status", "--json").MustExit().Output) == (expected, false)
            && Suite(ben.Mesh("status", "--json").MustExit().Output) == (expected, false));
        Assert.True(ben.Ns.Ping(ada.V6, 10), "IPv6 through the tunnel");
    });

    static (string? Suite, bool FellBack) Suite(TunnelLab.End end) => Suite(end.Status());

    static (string? Suite, bool FellBack) Suite(string json)
    {
        using var status = JsonDocument.Parse(json);
        var peer = status.RootElement.GetProperty("Peers")[0];
        return (peer.TryGetProperty("Suite", out var suite) ? suite.GetString() : null,
            peer.TryGetProperty("SuiteFellBack", out var fellBack) && fellBack.GetBoolean());
    }
}

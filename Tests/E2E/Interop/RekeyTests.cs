using System.Globalization;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;
using Xunit.Abstractions;

namespace Mesh.Tests.E2E.Interop;

/// <summary>Our tunnel against Debian's wireguard-go for longer than a session lasts.</summary>
[Collection(Waiting.Scenarios)]
public sealed class RekeyTests(ITestOutputHelper output)
{
    /// <summary>The one real rekey of every run, shared by all four ways to be connected; virtual time covers the rest.</summary>
    [RequiresRootFact("wireguard-go", "wg", "ping")]
    public async Task NothingIsLostAcrossARekey()
    {
        var runs = await Task.WhenAll(
            AcrossARekeyAsync(outsideV6: false, psk: false, weBegin: true),
            AcrossARekeyAsync(outsideV6: false, psk: true, weBegin: false),
            AcrossARekeyAsync(outsideV6: true, psk: true, weBegin: true),
            AcrossARekeyAsync(outsideV6: true, psk: false, weBegin: false));
        foreach (var (way, there, back) in runs)
            output.Print("interop", $"150 s with wireguard-go, {way}: {there}; {back}");
        Assert.All(runs, run => Assert.Contains(" 0% packet loss", run.There, StringComparison.Ordinal));
        Assert.All(runs, run => Assert.Contains(" 0% packet loss", run.Back, StringComparison.Ordinal));
    }

    static async Task<(string Way, string There, string Back)> AcrossARekeyAsync(bool outsideV6, bool psk, bool weBegin)
    {
        await using TunnelLab lab = new();
        if (psk)
            lab.UsePresharedKey();
        await lab.A.StartDaemonAsync(lab.B, weBegin ? lab.B.EndpointFor(outsideV6) : null);
        await lab.B.StartWireGuardGoAsync(lab.A, weBegin ? null : lab.A.EndpointFor(outsideV6));
        var (from, to) = weBegin ? (lab.A, lab.B) : (lab.B, lab.A);
        from.Ns.MustPing(to.Inside4, 2);
        var began = HandshakeTime(lab.B);
        var there = Task.Run(() => PingLong(lab.A, lab.B.Inside4));
        var back = await Task.Run(() => PingLong(lab.B, lab.A.Inside6));
        Assert.True(HandshakeTime(lab.B) - began >= 100, "there was no second handshake");
        return ($"outside IPv{(outsideV6 ? 6 : 4)}, {(psk ? "with" : "without")} PSK, {(weBegin ? "we begin" : "it begins")}", await there, back);
    }

    static string PingLong(TunnelLab.End from, string to) => from.Ns.Run(TimeSpan.FromSeconds(220), "ping", "-n", "-q", "-i", "0.2", "-c", "750", to)
        .Output.Split('\n').First(line => line.Contains("packets transmitted", StringComparison.Ordinal));

    static long HandshakeTime(TunnelLab.End end) =>
        long.Parse(end.Ns.Run("wg", "show", end.Interface, "latest-handshakes").MustExit().Output.Split('\t')[1], CultureInfo.InvariantCulture);
}

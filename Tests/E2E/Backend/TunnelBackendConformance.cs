using System.Globalization;
using System.Text.RegularExpressions;
using Mesh.Actors.Device;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;
using static Mesh.Tests.E2E.Backend.BackendLab;

namespace Mesh.Tests.E2E.Backend;

/// <summary>
/// What every <see cref="ITunnelBackend"/> does, shown on machine a of a <see cref="BackendLab"/>; its peers run the managed backend. A derived class
/// names the backend.
/// </summary>
public abstract class TunnelBackendConformance
{
    /// <summary>What the backend claims, no more and no less.</summary>
    private protected abstract TunnelCapabilities Promised { get; }

    /// <summary>Starts the backend under test on machine a.</summary>
    private protected virtual Task StartAsync(Machine machine, params PeerSetting[] peers) => machine.StartAsync(peers);

    /// <summary>Fails unless nothing of what the backend had set is left on its machine.</summary>
    private protected abstract void AssertNothingIsLeft(Machine machine);

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task TwoDevicesReachEachOther()
    {
        await using var lab = await JoinedAsync();
        foreach (var (from, to) in new[] { (lab.A, lab.B), (lab.B, lab.A) })
        {
            from.Ns.MustPing(to.Inside4, 3);
            from.Ns.MustPing(to.Inside6, 3);
        }
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task APeerTakenAwayIsCutAndOneGivenBackIsReached()
    {
        await using var lab = await JoinedAsync();
        await lab.A.ApplyAsync();
        Assert.False(lab.A.Ns.Ping(lab.B.Inside4, 1, 1));
        Assert.False(lab.B.Ns.Ping(lab.A.Inside4, 1, 1));
        Assert.Empty((await lab.A.ReportAsync()).Peers);
        await lab.A.ApplyAsync(new PeerSetting(lab.B) { Endpoints = [lab.B.Endpoint] });
        lab.A.Ns.MustPing(lab.B.Inside4, 2);
        lab.B.Ns.MustPing(lab.A.Inside4, 2);
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task WhatChangesAtOnePeerLeavesTheSessionOfAnotherAlone()
    {
        await using BackendLab lab = new();
        PeerSetting b = new(lab.B) { Endpoints = [lab.B.Endpoint] }, c = new(lab.C) { Endpoints = ["192.0.2.99:51820"] };
        lab.C.Addresses = [.. lab.C.Addresses, "10.7.0.33/24"];
        await lab.B.StartAsync(new PeerSetting(lab.A));
        await lab.C.StartAsync(new PeerSetting(lab.A));
        await StartAsync(lab.A, b, c);
        lab.A.Ns.MustPing(lab.B.Inside4);
        var before = await lab.A.ReportAsync(lab.B);
        await using var traffic = lab.A.Ns.Start("ping", "-n", "-q", "-i", "0.02", "-w", "60", lab.B.Inside4);

        // Endpoint: nobody lives at the first one.
        Assert.False(lab.A.Ns.Ping(lab.C.Inside4, 1, 1));
        await lab.A.ApplyAsync(b, c = c with { Endpoints = [lab.C.Endpoint] });
        await Eventually.TrueAsync("the new endpoint to work", TimeSpan.FromSeconds(10), () => lab.A.Ns.Ping(lab.C.Inside4, 1, 1));

        // Allowed addresses: one more.
        Assert.False(lab.A.Ns.Ping("10.7.0.33", 1, 1));
        await lab.A.ApplyAsync(b, c = c with { AllowedIps = [.. c.AllowedIps, "10.7.0.33/32"] });
        lab.A.Ns.MustPing("10.7.0.33", 2);
        await lab.A.ApplyAsync(b, c = c with { AllowedIps = [.. c.AllowedIps.SkipLast(1)] });
        Assert.False(lab.A.Ns.Ping("10.7.0.33", 1, 1));

        // Pre-shared key: one that only we have keeps new sessions from being made, one that both have does not.
        var psk = lab.PresharedKey("psk");
        await lab.A.ApplyAsync(b);
        await lab.A.ApplyAsync(b, c = c with { PresharedKeyFile = psk });
        Assert.False(lab.A.Ns.Ping(lab.C.Inside4, 1, 1));
        await lab.C.ApplyAsync();
        await lab.C.ApplyAsync(new PeerSetting(lab.A) { PresharedKeyFile = psk });
        await Eventually.TrueAsync("the pre-shared key to work", TimeSpan.FromSeconds(15), () => lab.A.Ns.Ping(lab.C.Inside4, 1, 1));

        // Keepalive: bytes are sent without anybody sending.
        await lab.A.ApplyAsync(b, c with { Keepalive = 1 });
        var sent = (await lab.A.ReportAsync(lab.C)).Sent;
        await Eventually.TrueAsync("three keepalives", TimeSpan.FromSeconds(10), async () => (await lab.A.ReportAsync(lab.C)).Sent >= sent + 3 * 32);

        traffic.Signal("INT");
        await traffic.WaitForExitAsync(TimeSpan.FromSeconds(5));
        // The last request may have been under way.
        var counts = Regex.Match(traffic.Output, @"(\d+) packets transmitted, (\d+) received");
        var (asked, answered) = (int.Parse(counts.Groups[1].Value, CultureInfo.InvariantCulture), int.Parse(counts.Groups[2].Value, CultureInfo.InvariantCulture));
        Assert.InRange(answered, Math.Max(1, asked - 1), asked);
        var after = await lab.A.ReportAsync(lab.B);
        Assert.Equal(before.LastHandshake, after.LastHandshake);
        Assert.Equal(before.Endpoint, after.Endpoint);
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task AddressesAndRoutesAppearAndGo()
    {
        await using var lab = await JoinedAsync();
        var settings = new PeerSetting(lab.B) { Endpoints = [lab.B.Endpoint] };
        lab.A.Addresses = ["10.7.0.101/24", "fd00:7::1/64"];
        await lab.A.ApplyAsync(settings with { AllowedIps = [.. settings.AllowedIps, "10.99.0.0/16", "fd00:99::/32"] });
        Assert.Equal(["10.7.0.101/24", "fd00:7::1/64"], Addresses(lab.A));
        Assert.Contains($"10.99.0.0/16 dev {lab.A.Interface}", lab.A.Ns.Ip("route").Output, StringComparison.Ordinal);
        Assert.Contains($"fd00:99::/32 dev {lab.A.Interface}", lab.A.Ns.Ip("-6", "route").Output, StringComparison.Ordinal);

        lab.A.Addresses = ["10.7.0.1/24", "fd00:7::1/64"];
        await lab.A.ApplyAsync(settings);
        Assert.Equal(["10.7.0.1/24", "fd00:7::1/64"], Addresses(lab.A));
        Assert.DoesNotContain("10.99.0.0", lab.A.Ns.Ip("route").Output, StringComparison.Ordinal);
        Assert.DoesNotContain("fd00:99::", lab.A.Ns.Ip("-6", "route").Output, StringComparison.Ordinal);
        lab.A.Ns.MustPing(lab.B.Inside4, 2);
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task StatisticsTellBytesHandshakeAndEndpoint()
    {
        await using BackendLab lab = new();
        await lab.B.StartAsync(new PeerSetting(lab.A));
        await StartAsync(lab.A, new PeerSetting(lab.B) { Endpoints = [lab.B.Endpoint] });
        var before = await lab.A.ReportAsync(lab.B);
        Assert.Null(before.LastHandshake);
        Assert.Equal(0, before.Received);

        var began = DateTimeOffset.UtcNow;
        lab.A.Ns.Run("ping", "-n", "-q", "-i", "0.02", "-c", "10", "-s", "1000", "-w", "5", lab.B.Inside4).MustExit();
        // A backend may keep what it read for a moment.
        PeerReport after = before;
        await Eventually.TrueAsync("the bytes to be counted", TimeSpan.FromSeconds(5), async () => (after = await lab.A.ReportAsync(lab.B)).Received > 10_000);
        Assert.InRange(after.Received, 10_000, 20_000);
        Assert.InRange(after.Sent, 10_000, 20_000);
        Assert.NotNull(after.LastHandshake);
        Assert.InRange(after.LastHandshake.Value, began - TimeSpan.FromSeconds(2), DateTimeOffset.UtcNow + TimeSpan.FromSeconds(1));
        Assert.Equal(lab.B.Endpoint, after.Endpoint);
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task StoppingTwiceIsNoErrorAndLeavesNothing()
    {
        await using var lab = await JoinedAsync();
        await lab.A.StopTwiceAsync();
        AssertNothingIsLeft(lab.A);
        Assert.False(lab.A.Process.HasExited);
        Assert.DoesNotContain("10.7.0", lab.A.Ns.Ip("address").Output, StringComparison.Ordinal);
        Assert.DoesNotContain("10.7.0", lab.A.Ns.Ip("route").Output, StringComparison.Ordinal);
        Assert.DoesNotContain("fd00:7:", lab.A.Ns.Ip("-6", "route").Output, StringComparison.Ordinal);
        Assert.DoesNotContain("mesh_", lab.A.Ns.Run("nft", "list", "tables").MustExit().Output, StringComparison.Ordinal);
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go", "iperf3")]
    public async Task OnlyWhatTheRulesAllowPasses()
    {
        await using BackendLab lab = new();
        await lab.B.StartAsync(new PeerSetting(lab.A));
        var peer = new PeerSetting(lab.B) { Endpoints = [lab.B.Endpoint], Accept = ["tcp 5201-5202"], Send = ["icmp", "tcp 5203"] };
        await StartAsync(lab.A, peer);
        foreach (var (machine, port) in new[] { (lab.A, 5201), (lab.A, 5203), (lab.B, 5201), (lab.B, 5203) })
            await machine.Ns.Start("iperf3", "-s", "--forceflush", "-p", $"{port}").WaitForLineAsync("listening", TimeSpan.FromSeconds(5));

        // Each way what its own side was allowed to open, and the answers to it; nothing else.
        foreach (var (a, b) in new[] { (lab.A.Inside4, lab.B.Inside4), (lab.A.Inside6, lab.B.Inside6) })
        {
            lab.A.Ns.MustPing(b, 2);
            Assert.False(lab.B.Ns.Ping(a, 1, 1));
            Assert.True(lab.B.Connects(a, 5201));
            Assert.False(lab.B.Connects(a, 5203));
            Assert.True(lab.A.Connects(b, 5203));
            Assert.False(lab.A.Connects(b, 5201));
        }

        // The machine's other addresses are no business of a peer's, and nothing is forwarded for one.
        lab.B.Ns.Ip("route", "add", "192.0.2.64/32", "dev", lab.B.Interface);
        lab.A.Ns.Ip("address", "add", "192.0.2.64/32", "dev", "lo");
        Assert.False(lab.B.Connects("192.0.2.64", 5201));

        // Rules that are taken away cut what ran under them; rules that are given work at once.
        await using var ping = lab.A.Ns.Start("ping", "-n", "-i", "0.05", "-w", "60", lab.B.Inside4);
        await ping.WaitForLineAsync("bytes from", TimeSpan.FromSeconds(5));
        await lab.A.ApplyAsync(peer with { Accept = ["any"], Send = [] });
        Assert.True(lab.B.Ns.Ping(lab.A.Inside4, 2));
        Assert.True(lab.B.Connects(lab.A.Inside4, 5203));
        Assert.False(lab.A.Ns.Ping(lab.B.Inside4, 1, 1));
        Assert.False(lab.A.Connects(lab.B.Inside4, 5203));
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task WhatIsPromisedIsKeptAndNothingElseIsClaimed()
    {
        await using BackendLab lab = new();
        await lab.B.StartAsync(new PeerSetting(lab.A));
        await StartAsync(lab.A, new PeerSetting(lab.B) { Endpoints = ["192.0.2.99:51820", lab.B.Endpoint], Accept = [], Send = ["icmp"] });
        var claimed = (await lab.A.ReportAsync()).Capabilities;
        Assert.Equal(Promised, claimed.Select(Enum.Parse<TunnelCapabilities>).Aggregate(TunnelCapabilities.None, (all, one) => all | one));

        // The first initiation reaches the second candidate only if all are tried at once.
        Assert.Equal(Promised.HasFlag(TunnelCapabilities.EndpointCandidates), lab.A.Ns.Ping(lab.B.Inside4, 3, 3));
        await Eventually.TrueAsync("the candidate that works", TimeSpan.FromSeconds(30), () => lab.A.Ns.Ping(lab.B.Inside4, 1, 1));

        Assert.False(lab.A.Connects(lab.B.Inside4, 22));
        Assert.Equal(Promised.HasFlag(TunnelCapabilities.DropCounters), (await lab.A.ReportAsync()).Drops.GetValueOrDefault("PolicySend") > 0);
    }

    /// <summary>Machines a and b, joined by a's initiative.</summary>
    private protected async Task<BackendLab> JoinedAsync()
    {
        BackendLab lab = new();
        try
        {
            await lab.B.StartAsync(new PeerSetting(lab.A));
            await StartAsync(lab.A, new PeerSetting(lab.B) { Endpoints = [lab.B.Endpoint] });
            lab.A.Ns.MustPing(lab.B.Inside4, 2);
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    private protected static IEnumerable<string> Addresses(Machine machine) =>
        machine.Ns.Ip("-o", "address", "show", "dev", machine.Interface, "scope", "global").Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3]).Order();
}

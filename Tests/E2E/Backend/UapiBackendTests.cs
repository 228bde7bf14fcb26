using System.Collections.Concurrent;
using Mesh.Actors.Device;
using Mesh.Node.Runtime;
using Mesh.Tests.E2E.Lab;
using Mesh.Tests.Kit;
using static Mesh.Tests.E2E.Backend.BackendLab;

namespace Mesh.Tests.E2E.Backend;

/// <summary>The backend that drives another WireGuard, here wireguard-go.</summary>
public sealed class UapiBackendTests : TunnelBackendConformance
{
    readonly ConcurrentDictionary<Machine, RunningProcess> _devices = [];

    private protected override TunnelCapabilities Promised => TunnelCapabilities.SystemPacketFilter;

    private protected override async Task StartAsync(Machine machine, params PeerSetting[] peers)
    {
        await StartDeviceAsync(machine);
        await machine.StartAsync(BackendKind.Uapi, peers);
    }

    private protected override void AssertNothingIsLeft(Machine machine)
    {
        // The device and its program are not ours; key and peers are.
        Assert.False(_devices[machine].HasExited);
        Assert.Contains(machine.Interface, machine.Ns.Ip("link").Output, StringComparison.Ordinal);
        Assert.Equal(("(none)\n", ""), (Wg(machine, "private-key"), Wg(machine, "peers")));
    }

    [RequiresRootFact("nft", "wireguard-go")]
    public async Task WithoutAWireGuardItSaysHowToStartOne()
    {
        await using BackendLab lab = new();
        Assert.Equal(
            $"no WireGuard serves {lab.A.Interface} (/var/run/wireguard/{lab.A.Interface}.sock): start one, e.g. wireguard-go {lab.A.Interface}",
            await lab.A.FailAsync(BackendKind.Uapi));
    }

    [RequiresRootFact("nft", "wg", "wireguard-go")]
    public async Task WithoutAPacketFilterItDoesNotStart()
    {
        await using BackendLab lab = new();
        await StartDeviceAsync(lab.A);
        lab.A.Without = Requirements.Find("nft");
        Assert.Equal(
            "nftables with connection tracking is not to be had (nft refused the ruleset): the uapi backend does not run without a packet filter",
            await lab.A.FailAsync(BackendKind.Uapi, new PeerSetting(lab.B)));
        Assert.Equal(("(none)\n", ""), (Wg(lab.A, "private-key"), Wg(lab.A, "peers")));
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task WhatACrashLeftIsReplaced()
    {
        await using var lab = await JoinedAsync();
        lab.A.Process.Signal("KILL");
        await lab.A.Process.WaitForExitAsync(TimeSpan.FromSeconds(5));
        Assert.Contains("mesh_", Tables(lab.A), StringComparison.Ordinal);
        // Without its driver the device goes on under the filter that it had.
        lab.A.Ns.MustPing(lab.B.Inside4);
        lab.A.Ns.Ip("address", "add", "10.66.0.1/32", "dev", lab.A.Interface);
        lab.A.Addresses = ["10.7.0.1/24"];
        var b = new PeerSetting(lab.B) { Endpoints = [lab.B.Endpoint], AllowedIps = [lab.B.Inside4 + "/32", "10.99.0.0/16"], Accept = [], Send = ["icmp"] };
        await lab.A.StartAsync(BackendKind.Uapi, b);
        // Addresses of ours that are no longer wanted are gone, somebody else's is not.
        Assert.Equal(["10.66.0.1/32", "10.7.0.1/24"], Addresses(lab.A));
        lab.A.Ns.MustPing(lab.B.Inside4, 2);
        Assert.False(lab.B.Ns.Ping(lab.A.Inside4, 1, 1));
        lab.A.Process.Signal("KILL");
        await lab.A.Process.WaitForExitAsync(TimeSpan.FromSeconds(5));
        await lab.A.StartAsync(BackendKind.Uapi, b with { AllowedIps = [lab.B.Inside4 + "/32", "10.98.0.0/16"] });
        Assert.Contains("10.98.0.0/16", lab.A.Ns.Ip("route").Output, StringComparison.Ordinal);
        Assert.DoesNotContain("10.99.0.0/16", lab.A.Ns.Ip("route").Output, StringComparison.Ordinal);
        Assert.Equal(1, Tables(lab.A).Split('\n').Count(line => line.Contains("mesh_", StringComparison.Ordinal)));
        lab.A.Ns.MustPing(lab.B.Inside4, 2);
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task AFilterThatSomebodyFlushedComesBack()
    {
        await using var lab = await JoinedAsync();
        lab.A.Ns.Run("nft", "flush", "ruleset").MustExit();
        await Eventually.TrueAsync("the table to come back", TimeSpan.FromSeconds(15), () => Tables(lab.A).Contains("mesh_", StringComparison.Ordinal));
        lab.A.Ns.MustPing(lab.B.Inside4, 2);
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task ADeviceThatCameBackIsSetUpAgain()
    {
        await using var lab = await JoinedAsync();
        _devices[lab.A].Signal("TERM");
        await _devices[lab.A].WaitForExitAsync(TimeSpan.FromSeconds(5));
        await StartDeviceAsync(lab.A);
        await Eventually.TrueAsync("the device to be set up again", TimeSpan.FromSeconds(20), () => lab.A.Ns.Ping(lab.B.Inside4, 1, 1));
        lab.B.Ns.MustPing(lab.A.Inside6, 2);
    }

    [RequiresRootFact("ping", "nft", "wg", "wireguard-go")]
    public async Task OnlyWhatDiffersIsSaidToTheDevice()
    {
        await using var lab = await JoinedAsync();
        var b = new PeerSetting(lab.B) { Endpoints = [lab.B.Endpoint] };
        lab.A.Ns.Run("wg", "set", lab.A.Interface, "peer", lab.C.PublicKey.ToString(), "allowed-ips", "10.7.0.3/32").MustExit();
        // wireguard-go tells of every change that it is asked for.
        await lab.A.ApplyAsync(b);
        Assert.Equal(lab.B.PublicKey + "\n", Wg(lab.A, "peers"));
        await _devices[lab.A].WaitForLineAsync("UAPI: Removing", TimeSpan.FromSeconds(5));
        var log = _devices[lab.A].Output;
        await lab.A.ApplyAsync(b);
        Assert.DoesNotContain("UAPI", _devices[lab.A].Output[log.Length..], StringComparison.Ordinal);
    }

    async Task StartDeviceAsync(Machine machine)
    {
        machine.Ns.Topology.Own($"/var/run/wireguard/{machine.Interface}.sock");
        var device = _devices[machine] = machine.Ns.Start(new Dictionary<string, string> { ["LOG_LEVEL"] = "debug" }, "wireguard-go", "-f", machine.Interface);
        await device.WaitForLineAsync("UAPI listener started", TimeSpan.FromSeconds(10));
    }

    static string Wg(Machine machine, string what) => machine.Ns.Run("wg", "show", machine.Interface, what).MustExit().Output;

    static string Tables(Machine machine) => machine.Ns.Run("nft", "list", "tables").MustExit().Output;
}

using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using Mesh.Node.Local;

namespace Mesh.Node.Cli;

/// <summary><c>mesh ping</c>: sends ICMP echo requests to a peer through the tunnel and says which way they went.</summary>
static class PingVerb
{
    public static Command Create(CliConsole console)
    {
        var target = new Argument<string>("NAME|IP") { Description = "A peer's name or overlay address" };
        var count = CommonOptions.Number("--count", "How many requests (default 10)", 1, 1_000_000, "-c");
        var interval = CommonOptions.Duration("--interval", "Pause between requests", TimeSpan.FromSeconds(1), "-i");
        var timeout = CommonOptions.Duration("--timeout", "How long to wait for each reply", TimeSpan.FromSeconds(5));
        var four = new Option<bool>("-4") { Description = "Use the peer's IPv4 address" };
        var six = new Option<bool>("-6") { Description = "Use the peer's IPv6 address" };
        var json = CommonOptions.Json();
        var socket = CommonOptions.Socket();
        var verb = new Verb("ping", "Ping a peer through the tunnel.", "mesh ping -c 3 laptop") { target, count, interval, timeout, four, six, json, socket };
        verb.Validators.Add(result =>
        {
            if (result.GetValue(four) && result.GetValue(six))
                result.AddError("-4 and -6 exclude each other");
        });
        verb.SetAction(async (parsed, cancel) =>
        {
            using var client = new LocalClient(CommonOptions.SocketPath(parsed.GetValue(socket), console));
            var family = parsed.GetValue(four) ? AddressFamily.InterNetwork : parsed.GetValue(six) ? AddressFamily.InterNetworkV6 : AddressFamily.Unspecified;
            var status = await client.GetAsync("/v1/status", LocalJson.Default.StatusDocument, cancel);
            var (peer, address) = Find(status, parsed.GetValue(target)!, family);
            var run = new Run(console, client, peer, address, parsed.GetValue(json));
            return await run.PingAsync(parsed.GetValue(count) ?? 10, parsed.GetDuration(interval), parsed.GetDuration(timeout), cancel);
        });
        return verb;
    }

    static (NodeDocument Peer, IPAddress Address) Find(StatusDocument status, string target, AddressFamily family)
    {
        if (status.BackendState != "Running")
            throw new MeshFailureException(ExitCodes.Failed, $"the node does not run ({status.BackendState}): mesh status says why");
        var literal = IPAddress.TryParse(target, out var parsed) ? parsed : null;
        foreach (var peer in status.Self is null ? status.Peers : status.Peers.Append(status.Self))
        {
            foreach (var text in peer.Addresses)
            {
                if (!IPAddress.TryParse(text, out var address) || (family != AddressFamily.Unspecified && address.AddressFamily != family))
                    continue;
                if (literal is not null ? address.Equals(literal) : Names(peer, target))
                    return (peer, address);
            }
        }
        throw new MeshFailureException(ExitCodes.Failed, family == AddressFamily.Unspecified
            ? $"this node knows no peer '{target}': mesh status lists those it knows"
            : $"this node knows no peer '{target}' with an address of that family: mesh status lists those it knows");
    }

    static bool Names(NodeDocument peer, string target) =>
        string.Equals(peer.HostName, target, StringComparison.OrdinalIgnoreCase)
        || string.Equals(peer.DNSName, target.TrimEnd('.'), StringComparison.OrdinalIgnoreCase);

    sealed class Run(CliConsole console, LocalClient client, NodeDocument peer, IPAddress address, bool json)
    {
        static readonly byte[] _payload = new byte[56];

        public async Task<int> PingAsync(int count, TimeSpan interval, TimeSpan timeout, CancellationToken cancel)
        {
            var replies = 0;
            using var ping = new Ping();
            for (var sequence = 1; sequence <= count; sequence++)
            {
                var began = Stopwatch.GetTimestamp();
                var milliseconds = await AskAsync(ping, timeout, cancel);
                if (milliseconds is not null)
                    replies++;
                await PrintAsync(sequence, milliseconds, cancel);
                var rest = interval - Stopwatch.GetElapsedTime(began);
                if (sequence < count && rest > TimeSpan.Zero)
                    await Task.Delay(rest, cancel);
            }
            return replies > 0
                ? ExitCodes.Done
                : throw new MeshFailureException(ExitCodes.Failed, $"no reply from {peer.HostName} ({address})");
        }

        async Task<double?> AskAsync(Ping ping, TimeSpan timeout, CancellationToken cancel)
        {
            var began = Stopwatch.GetTimestamp();
            try
            {
                var reply = await ping.SendPingAsync(address, timeout, _payload, options: null, cancel);
                return reply.Status == IPStatus.Success ? Stopwatch.GetElapsedTime(began).TotalMilliseconds : null;
            }
            catch (PingException failure)
            {
                throw new MeshFailureException(ExitCodes.Failed, $"cannot send to {address}: {failure.InnerException?.Message ?? failure.Message}", failure);
            }
        }

        async Task PrintAsync(int sequence, double? milliseconds, CancellationToken cancel)
        {
            var via = await ViaAsync(cancel);
            if (json)
                console.Out.WriteLine(JsonSerializer.Serialize(
                    new PongDocument(peer.HostName, address.ToString(), sequence, milliseconds is not null, milliseconds, via), LocalJson.Default.PongDocument));
            else if (milliseconds is { } time)
                console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"pong from {peer.HostName} ({address}) via {via ?? "-"} in {Math.Max(1, Math.Round(time)):0}ms"));
            else
                console.Out.WriteLine($"no reply from {peer.HostName} ({address})");
        }

        async Task<string?> ViaAsync(CancellationToken cancel)
        {
            var status = await client.GetAsync("/v1/status", LocalJson.Default.StatusDocument, cancel);
            return status.Peers.FirstOrDefault(known => known.ID == peer.ID)?.CurAddr;
        }
    }
}

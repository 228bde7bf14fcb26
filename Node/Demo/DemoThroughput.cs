using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.Node.Cli;

namespace Mesh.Node.Demo;

/// <summary>
/// Measures how fast one TCP stream carries bytes, for machines without iperf3: <c>mesh demo throughput</c> receives one stream and
/// prints megabits per second, <c>mesh demo throughput ADDRESS</c> sends one.
/// </summary>
static class DemoThroughput
{
    const int Port = 5201;
    static readonly TimeSpan Length = TimeSpan.FromSeconds(3);

    public static Command CreateVerb(CliConsole console)
    {
        var address = new Argument<string?>("address") { Description = "Where to send to; without one, receive", Arity = ArgumentArity.ZeroOrOne };
        var verb = new Verb("throughput", "Measure one TCP stream: run it without an address on one host, with that host's address on the other.",
            "mesh demo throughput 100.64.0.2")
        { address };
        verb.SetAction(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(address) is { } target)
            {
                if (!IPAddress.TryParse(target, out var ip))
                    throw new MeshFailureException(ExitCodes.Usage, $"throughput: '{target}' is not an IP address");
                await SendAsync(ip, cancellation);
            }
            else
            {
                await console.Out.WriteLineAsync((await ReceiveAsync(cancellation)).ToString("0", CultureInfo.InvariantCulture));
            }
            return ExitCodes.Done;
        });
        return verb;
    }

    static async Task SendAsync(IPAddress address, CancellationToken cancellation)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, Port, cancellation);
        var block = new byte[128 * 1024];
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Length;)
            await socket.SendAsync(block, cancellation);
    }

    static async Task<double> ReceiveAsync(CancellationToken cancellation)
    {
        using var listener = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        listener.Bind(new IPEndPoint(IPAddress.IPv6Any, Port));
        listener.Listen(1);
        using var socket = await listener.AcceptAsync(cancellation);
        var block = new byte[128 * 1024];
        var clock = Stopwatch.StartNew();
        var total = 0L;
        while (await socket.ReceiveAsync(block, cancellation) is > 0 and var received)
            total += received;
        return total * 8 / clock.Elapsed.TotalSeconds / 1e6;
    }
}

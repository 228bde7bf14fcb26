using System.Diagnostics;
using System.Text.Json;
using Mesh.Node.Local;

namespace Mesh.Node.Demo;

/// <summary>
/// Is what the demonstration shows, in order. Each step drives the programs as a person would, by their command lines, and fails with
/// one line where something is not as it should be.
/// </summary>
sealed partial class DemoScenario(DemoLab lab, DemoPrograms programs, DemoReport report)
{
    /// <summary>How many steps there are.</summary>
    public const int Steps = 8;

    const string ControllerHost = "controller";
    const string ControllerAddress = "10.98.0.1";

    static readonly string[] Nodes = ["laptop", "server", "pi"];

    /// <summary>Allows every machine of one user to reach every other one of hers, and nothing else.</summary>
    const string Policy = """
        version: 1
        allow:
          - from: ["user:demo"]
            to: ["user:demo"]
        """;

    string _status = "";

    static string S(FormattableString text) => FormattableString.Invariant(text);

    public async Task RunAsync(CancellationToken cancellation)
    {
        await StepAsync("start a controller", StartAsync, cancellation);
        await StepAsync("join three nodes by one-time credentials", JoinAsync, cancellation);
        await StepAsync("use a credential a second time", ReplayAsync, cancellation);
        await StepAsync("ping every pair by name, IPv4 and IPv6", PingAsync, cancellation);
        await StepAsync("measure TCP throughput, laptop to server", MeasureAsync, cancellation);
        await StepAsync("kill and restart the controller under a ping", KillAsync, cancellation);
        await StepAsync("revoke pi while it is being pinged", RevokeAsync, cancellation);
        await StepAsync("ask laptop for its status", StatusAsync, cancellation);
        report.Show("$ mesh status", _status);
    }

    async Task StepAsync(string title, Func<CancellationToken, Task<string>> step, CancellationToken cancellation)
    {
        report.Begin(title);
        try
        {
            report.End(await step(cancellation));
        }
        catch (MeshFailureException)
        {
            report.Fail();
            throw;
        }
    }

    async Task<string> StartAsync(CancellationToken cancellation)
    {
        await lab.AddHostAsync(ControllerHost, ControllerAddress, cancellation);
        for (var i = 0; i < Nodes.Length; i++)
            await lab.AddHostAsync(Nodes[i], $"10.98.0.{10 + i}", cancellation);
        await StartControllerAsync(cancellation);
        await AdminAsync(cancellation, "user", "create", "demo");
        var policy = Path.Combine(lab.Folder, "policy.yaml");
        await File.WriteAllTextAsync(policy, Policy, cancellation);
        await AdminAsync(cancellation, "policy", "set", "-f", policy);
        return "default deny, one rule set";
    }

    async Task<string> JoinAsync(CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        foreach (var node in Nodes)
        {
            _daemons[node] = lab.Start(node, [.. programs.Mesh, "daemon", "--state-dir", Path.Combine(lab.Folder, node),
                "--key-dir", Path.Combine(lab.Folder, $"{node}-keys"), "--socket", Socket(node), "--hosts-file", lab.HostsFile(node)]);
            await WaitForAsync($"the daemon of {node} to answer", () => File.Exists(Socket(node)) || Ended(_daemons[node], "mesh daemon"), cancellation);
            var credential = (await AdminAsync(cancellation, "credential", "create", "--user", "demo")).Output.Trim();
            _credentials[node] = credential;
            await MustAsync(node, [.. programs.Mesh, "up", "--socket", Socket(node), "--auth-key", "-", "--hostname", node], cancellation, credential);
        }
        return S($"3 joined in {clock.Elapsed.TotalSeconds:0.0} s");
    }

    async Task<string> ReplayAsync(CancellationToken cancellation)
    {
        // A machine of its own, so that the refusal is about the credential and not about who asks.
        const string thief = "thief";
        await lab.AddHostAsync(thief, "10.98.0.66", cancellation);
        var daemon = lab.Start(thief, [.. programs.Mesh, "daemon", "--state-dir", Path.Combine(lab.Folder, thief),
            "--key-dir", Path.Combine(lab.Folder, $"{thief}-keys"), "--socket", Socket(thief), "--hosts-file", lab.HostsFile(thief)]);
        await WaitForAsync("the daemon of the thief to answer", () => File.Exists(Socket(thief)) || Ended(daemon, "mesh daemon"), cancellation);
        var up = await lab.RunAsync(thief, [.. programs.Mesh, "up", "--socket", Socket(thief), "--auth-key", "-"], cancellation, _credentials[Nodes[0]]);
        await daemon.DisposeAsync();
        return up.ExitCode == ExitCodes.Refused
            ? $"refused, exit {up.ExitCode}"
            : throw Failure($"a used credential was not refused: exit {up.ExitCode}: {up.LastLine}");
    }

    async Task<string> PingAsync(CancellationToken cancellation)
    {
        var (pairs, worst) = (0, 0.0);
        foreach (var from in Nodes)
        {
            foreach (var to in Nodes.Where(node => node != from))
            {
                foreach (var family in (string[])["-4", "-6"])
                {
                    // The first packet waits for the peer's map and the handshake; the figure is of the ones after it.
                    await WaitForPingAsync(from, to, family, cancellation);
                    worst = Math.Max(worst, await MeasurePingAsync(from, to, family, cancellation));
                    pairs++;
                }
            }
        }
        return S($"{pairs} of {pairs}, slowest average {worst:0.00} ms");
    }

    async Task<string> MeasureAsync(CancellationToken cancellation)
    {
        var address = await AddressAsync("server", cancellation);
        await using var receiver = lab.Start("server", programs.Iperf is { } iperf ? [iperf, "-s", "-1"] : [.. programs.Mesh, "demo", "throughput"]);
        await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
        if (programs.Iperf is null)
        {
            await MustAsync("laptop", [.. programs.Mesh, "demo", "throughput", address], cancellation);
            return $"{(await receiver.WaitAsync(cancellation)).Output.Trim()} Mbit/s";
        }
        var result = await MustAsync("laptop", [programs.Iperf, "-c", address, "-t", "4", "-O", "1", "-J"], cancellation);
        using var document = JsonDocument.Parse(result.Output);
        var bits = document.RootElement.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble();
        return S($"{bits / 1e6:0} Mbit/s (iperf3)");
    }

    async Task<string> StatusAsync(CancellationToken cancellation)
    {
        var status = await MustAsync("laptop", [.. programs.Mesh, "status", "--socket", Socket("laptop")], cancellation);
        _status = status.Output;
        return "shown above";
    }

    async Task<string> AddressAsync(string node, CancellationToken cancellation)
    {
        var status = await MustAsync(node, [.. programs.Mesh, "status", "--json", "--socket", Socket(node)], cancellation);
        return JsonSerializer.Deserialize(status.Output, LocalJson.Default.StatusDocument)?.Self?.Addresses[0]
            ?? throw Failure($"{node} has no address");
    }
}

using System.Diagnostics;

namespace Mesh.Node.Demo;

/// <summary>The steps that do something to the controller while traffic runs, and the ways in which steps wait and run programs.</summary>
sealed partial class DemoScenario
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    readonly Dictionary<string, DemoProcess> _daemons = [];
    readonly Dictionary<string, string> _credentials = [];
    DemoProcess? _controller;

    string AdminSocket => Path.Combine(lab.Folder, "admin.sock");

    string Socket(string node) => Path.Combine(lab.Folder, $"{node}.sock");

    async Task StartControllerAsync(CancellationToken cancellation)
    {
        _controller = lab.Start(ControllerHost, [.. programs.Controller, "serve", "--state-dir", Path.Combine(lab.Folder, "controller"),
            "--socket", AdminSocket, "--listen", $"{ControllerAddress}:8443", "--advertise", $"{ControllerAddress}:8443"]);
        await WaitForAsync("the controller to answer", async () => Ended(_controller, "mesh-controller")
            || (await lab.RunAsync(ControllerHost, [.. programs.Controller, "status", "--socket", AdminSocket], cancellation)).ExitCode == 0, cancellation);
    }

    async Task<string> KillAsync(CancellationToken cancellation)
    {
        await using var ping = StartPing("laptop", "server");
        await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
        await _controller!.KillAsync();
        await Task.Delay(TimeSpan.FromSeconds(2), cancellation);
        await StartControllerAsync(cancellation);
        var clock = Stopwatch.StartNew();
        await WaitForAsync("the nodes to attach again", async () =>
        {
            foreach (var node in Nodes)
            {
                var status = await lab.RunAsync(node, [.. programs.Mesh, "status", "--json", "--socket", Socket(node)], cancellation);
                if (!status.Output.Contains("\"Controller\"", StringComparison.Ordinal))
                    return false;
            }
            return true;
        }, cancellation);
        var attached = clock.Elapsed;
        var (sent, received) = await EndPingAsync(ping, cancellation);
        return sent == received
            ? S($"{received} of {sent} replies, attached after {attached.TotalSeconds:0.0} s")
            : throw Failure(S($"{sent - received} of {sent} pings were lost while the controller was away"));
    }

    async Task<string> RevokeAsync(CancellationToken cancellation)
    {
        await using var ping = StartPing("laptop", "pi");
        await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
        var revoked = await AdminAsync(cancellation, "node", "revoke", "pi");
        await Task.Delay(TimeSpan.FromSeconds(2), cancellation);
        foreach (var from in (string[])["laptop", "server"])
        {
            if (await AnswersAsync(from, _addresses["pi"], cancellation))
                throw Failure($"{from} still reaches pi two seconds after its revocation");
            if (await AnswersAsync("pi", _addresses[from], cancellation))
                throw Failure($"pi still reaches {from} two seconds after its revocation");
        }
        await EndPingAsync(ping, cancellation);
        return revoked.Output.Trim().Split('\n')[0];
    }

    static bool Ended(DemoProcess process, string name) =>
        process.HasExited ? throw Failure($"{name} ended: {process.Error.Trim().Split('\n')[^1]}") : false;

    static MeshFailureException Failure(string message) => new(ExitCodes.Failed, $"demo: {message}");

    static Task WaitForAsync(string what, Func<bool> condition, CancellationToken cancellation) =>
        WaitForAsync(what, () => Task.FromResult(condition()), cancellation);

    static async Task WaitForAsync(string what, Func<Task<bool>> condition, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); !await condition(); await Task.Delay(TimeSpan.FromMilliseconds(100), cancellation))
        {
            if (clock.Elapsed > Patience)
                throw Failure(S($"waited {Patience.TotalSeconds:0} s for {what}"));
        }
    }

    Task<DemoResult> AdminAsync(CancellationToken cancellation, params string[] verb) =>
        MustAsync(ControllerHost, [.. programs.Controller, .. verb, "--socket", AdminSocket], cancellation);

    async Task<DemoResult> MustAsync(string host, IReadOnlyList<string> command, CancellationToken cancellation, string? input = null)
    {
        var result = await lab.RunAsync(host, command, cancellation, input);
        return result.ExitCode == 0
            ? result
            : throw Failure($"{Path.GetFileName(command[0])} {string.Join(' ', command.Skip(1).Take(3))} on {host} ended with {result.ExitCode}: {result.LastLine}");
    }
}

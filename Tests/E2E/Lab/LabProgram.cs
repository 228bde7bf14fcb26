namespace Mesh.Tests.E2E.Lab;

/// <summary>Is a program of the lab through all its starts: what each incarnation said is kept.</summary>
sealed class LabProgram(Netns ns, string name, string file, IReadOnlyList<string> arguments)
{
    readonly List<RunningProcess> _incarnations = [];

    /// <summary>Gets the name for messages.</summary>
    public string Name { get; } = name;

    /// <summary>Gets the running, or last, incarnation.</summary>
    public RunningProcess Process => _incarnations[^1];

    /// <summary>Gets what is added to the environment of the next incarnations.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>Gets whether it runs.</summary>
    public bool IsRunning => _incarnations.Count > 0 && !Process.HasExited;

    /// <summary>Gets everything that all incarnations wrote to both outputs.</summary>
    public string Output => string.Concat(_incarnations.Select((process, i) => (i == 0 ? "" : $"--- start {i + 1}\n") + process.Output));

    /// <summary>Starts it.</summary>
    public RunningProcess Start(params string[] more)
    {
        if (IsRunning)
            throw new InvalidOperationException($"{Name} runs already");
        var process = ns.Start(Environment, file, [.. arguments, .. more]);
        _incarnations.Add(process);
        return process;
    }

    /// <summary>Kills it with SIGKILL and waits for its end.</summary>
    public async Task KillAsync()
    {
        Process.Signal("KILL");
        await Process.WaitForExitAsync(TimeSpan.FromSeconds(10));
    }

    /// <summary>Stops it with SIGTERM and gives its exit code.</summary>
    public async Task<int> StopAsync()
    {
        Process.Signal("TERM");
        return await Process.WaitForExitAsync(TimeSpan.FromSeconds(15));
    }

    /// <summary>Gives the last lines that it wrote.</summary>
    public string Tail(int lines = 40)
    {
        var all = Output.TrimEnd('\n').Split('\n');
        var state = _incarnations.Count == 0 ? "never started" : Process.HasExited ? $"exit {Process.ExitCode}" : "running";
        return $"---- {Name} ({state}), last {Math.Min(lines, all.Length)} of {all.Length} lines\n{string.Join('\n', all.TakeLast(lines))}";
    }
}

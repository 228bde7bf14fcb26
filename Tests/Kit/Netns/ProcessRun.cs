using System.Diagnostics;
using System.Text;

namespace Mesh.Tests.Kit;

/// <summary>What a finished program left: exit code and both outputs.</summary>
public sealed record ProcessResult(string Command, int ExitCode, string Output, string Error)
{
    /// <summary>Both outputs, for assertion messages.</summary>
    public override string ToString() => $"$ {Command}\n[exit {ExitCode}]\n{Output}{Error}";

    /// <summary>Throws with everything the program said unless it exited with <paramref name="code"/>.</summary>
    public ProcessResult MustExit(int code = 0) =>
        ExitCode == code ? this : throw new InvalidOperationException($"expected exit {code}: {this}");
}

/// <summary>A program under test that is running: its output is collected, and disposing kills it (by its own process id) and waits.</summary>
public sealed class RunningProcess : IAsyncDisposable
{
    readonly Process _process;
    readonly StringBuilder _output = new();
    readonly List<(Func<string, bool> Match, TaskCompletionSource<string> Source)> _waiters = [];
    readonly string _command;
    bool _disposed;

    RunningProcess(Process process, string command)
    {
        _process = process;
        _command = command;
    }

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether the program has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Exit code of a program that has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Processor time used so far, user and system.</summary>
    public TimeSpan ProcessorTime { get { _process.Refresh(); return _process.TotalProcessorTime; } }

    /// <summary>Resident set in bytes.</summary>
    public long ResidentBytes { get { _process.Refresh(); return _process.WorkingSet64; } }

    /// <summary>Everything written so far to both outputs.</summary>
    public string Output
    {
        get { lock (_output) return _output.ToString(); }
    }

    /// <summary>Starts a program directly (no shell).</summary>
    public static RunningProcess Start(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        // A shell that runs its commands in the background has them ignore the interrupt, and so has all that these start.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", file])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
            start.Environment[key] = value;
        var process = new Process { StartInfo = start };
        var running = new RunningProcess(process, string.Join(' ', start.ArgumentList.Skip(1)));
        process.OutputDataReceived += (_, e) => running.Collect(e.Data);
        process.ErrorDataReceived += (_, e) => running.Collect(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.StandardInput.Close();
        return running;
    }

    /// <summary>Completes with the first line, past or future, that contains <paramref name="text"/>; throws with the output after the time-out.</summary>
    public async Task<string> WaitForLineAsync(string text, TimeSpan timeout)
    {
        TaskCompletionSource<string> source = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_output)
        {
            if (_output.ToString().Split('\n').FirstOrDefault(l => l.Contains(text, StringComparison.Ordinal)) is { } line)
                return line;
            _waiters.Add((l => l.Contains(text, StringComparison.Ordinal), source));
        }

        try
        {
            return await source.Task.WaitAsync(timeout);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"no line with '{text}' within {timeout}: $ {_command}\n{Output}");
        }
    }

    /// <summary>Waits for the end and gives the exit code.</summary>
    public async Task<int> WaitForExitAsync(TimeSpan timeout)
    {
        using CancellationTokenSource source = new(timeout);
        try
        {
            await _process.WaitForExitAsync(source.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"still running after {timeout}: $ {_command}\n{Output}");
        }

        return _process.ExitCode;
    }

    /// <summary>Sends a signal by name ("TERM", "INT", "KILL", "STOP").</summary>
    public void Signal(string signal)
    {
        using var kill = Process.Start(Requirements.Find("kill") ?? "/bin/kill", ["-" + signal, Id.ToString()]);
        kill.WaitForExit();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // A test disposes what it started, and so does the topology.
        if (_disposed)
            return;
        _disposed = true;
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    void Collect(string? line)
    {
        if (line is null)
            return;
        lock (_output)
        {
            _output.Append(line).Append('\n');
            for (var i = _waiters.Count - 1; i >= 0; i--)
            {
                if (!_waiters[i].Match(line))
                    continue;
                _waiters[i].Source.TrySetResult(line);
                _waiters.RemoveAt(i);
            }
        }
    }
}

/// <summary>Runs a program to its end.</summary>
public static class ProcessRun
{
    /// <summary>Runs a program directly (no shell) and gives exit code and outputs; kills it and throws after the time-out (60 s).</summary>
    public static ProcessResult Run(string file, IEnumerable<string> arguments, TimeSpan? timeout = null, string? input = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(file)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
            start.Environment[key] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (input is not null)
            process.StandardInput.Write(input);
        process.StandardInput.Close();
        var command = $"{file} {string.Join(' ', start.ArgumentList)}";
        if (!process.WaitForExit(timeout ?? TimeSpan.FromSeconds(60)))
        {
            process.Kill();
            throw new TimeoutException($"still running: $ {command}\n{output.Result}{error.Result}");
        }

        return new ProcessResult(command, process.ExitCode, output.Result, error.Result);
    }
}

using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Mesh.Node.Demo;

/// <summary>What a finished program left.</summary>
readonly record struct DemoResult(int ExitCode, string Output, string Error)
{
    /// <summary>Gets the last line that the program wrote about what went wrong, or else the last that it wrote at all.</summary>
    public string LastLine => Last(Error) ?? Last(Output) ?? $"exit code {ExitCode}";

    static string? Last(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
}

/// <summary>Is a program that the demonstration started. Disposing asks it to end, and ends it where it does not.</summary>
sealed class DemoProcess : IAsyncDisposable
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    readonly Process _process;
    readonly StringBuilder _output = new();
    readonly StringBuilder _error = new();
    bool _disposed;

    DemoProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Gets what it has written to its standard output so far.</summary>
    public string Output => Read(_output);

    /// <summary>Gets what it has written to its standard error so far.</summary>
    public string Error => Read(_error);

    /// <summary>Gets whether it has ended.</summary>
    public bool HasExited => _disposed || _process.HasExited;

    /// <summary>Starts a program without a shell; <paramref name="input"/> is all that it can read.</summary>
    public static DemoProcess Start(IReadOnlyList<string> command, string? input = null)
    {
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        foreach (var argument in command.Skip(1))
            start.ArgumentList.Add(argument);
        DemoProcess started;
        Process process;
        try
        {
            process = Process.Start(start)!;
            started = new DemoProcess(process);
        }
        catch (Win32Exception error)
        {
            throw new MeshFailureException(ExitCodes.Failed, $"demo: cannot start {command[0]}: {error.Message}", error);
        }
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            return started; // It ended before it read its input; its exit code says why.
        }
        return started;
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<DemoResult> RunAsync(IReadOnlyList<string> command, CancellationToken cancellation, string? input = null)
    {
        await using var process = Start(command, input);
        return await process.WaitAsync(cancellation);
    }

    /// <summary>Waits for its end.</summary>
    public async Task<DemoResult> WaitAsync(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation);
        return new DemoResult(_process.ExitCode, Output, Error);
    }

    /// <summary>Ends it at once, as a power cut would.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>Asks it to end in good order.</summary>
    public void Interrupt() => Signal(2);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // A step may end a program that the lab would end with itself.
        if (_disposed)
            return;
        _disposed = true;
        if (!_process.HasExited)
        {
            Signal(15);
            using var patience = new CancellationTokenSource(Patience);
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                await KillAsync();
            }
        }
        _process.Dispose();
    }

    void Signal(int signal)
    {
        if (!_process.HasExited)
            _ = DemoNative.Kill(_process.Id, signal);
    }

    static void Append(StringBuilder text, string? line)
    {
        if (line is null)
            return;
        lock (text)
            text.AppendLine(line);
    }

    static string Read(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }
}

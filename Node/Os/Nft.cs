using System.ComponentModel;
using System.Diagnostics;

namespace Mesh.Node.Os;

/// <summary>Runs nft(8), always with one of two command lines; rulesets go by standard input, each one transaction. Safe for concurrent use.</summary>
static class Nft
{
    static readonly string[] _places = ["/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft", "/usr/bin/nft"];
    static readonly string[] _load = ["-f", "-"];
    static readonly string[] _check = ["-c", "-f", "-"];
    static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    /// <summary>Loads a ruleset: all of it or, with an exception, nothing.</summary>
    /// <exception cref="IOException">There is no nft, or it or the kernel refuses; the message is one line.</exception>
    public static Task LoadAsync(string ruleset) => RunAsync(_load, ruleset);

    /// <summary>Has the kernel check a ruleset without changing anything.</summary>
    /// <inheritdoc cref="LoadAsync"/>
    public static Task CheckAsync(string ruleset) => RunAsync(_check, ruleset);

    static async Task RunAsync(string[] arguments, string ruleset)
    {
        var program = _places.FirstOrDefault(File.Exists) ?? throw new IOException("there is no nft: install nftables");
        ProcessStartInfo start = new(program, arguments)
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var limit = new CancellationTokenSource(_patience);
        try
        {
            using var process = Process.Start(start)!;
            try
            {
                var said = process.StandardError.ReadToEndAsync(limit.Token);
                var output = process.StandardOutput.ReadToEndAsync(limit.Token);
                await WriteAsync(process.StandardInput, ruleset, limit.Token);
                await process.WaitForExitAsync(limit.Token);
                await output;
                if (process.ExitCode != 0)
                    throw new IOException(Summary(await said) is { Length: > 0 } why ? $"nft refused the ruleset: {why}" : "nft refused the ruleset");
            }
            finally
            {
                if (!process.HasExited)
                    process.Kill();
            }
        }
        catch (OperationCanceledException)
        {
            throw new IOException($"nft did not end within {_patience.TotalSeconds} s");
        }
        catch (Win32Exception failure)
        {
            throw new IOException($"cannot run {program}: {failure.Message}", failure);
        }
    }

    static async Task WriteAsync(StreamWriter input, string ruleset, CancellationToken cancel)
    {
        try
        {
            await input.WriteAsync(ruleset.AsMemory(), cancel);
            input.Close();
        }
        catch (IOException failure)
        {
            // One that ends before it has read everything says why by its exit code.
            _ = failure;
        }
    }

    // What nft says first, without the place in the input, which nobody can look up.
    static string Summary(string said)
    {
        var line = said.Split('\n').FirstOrDefault(l => l.Contains("rror", StringComparison.Ordinal)) ?? said.Split('\n')[0];
        var error = line.IndexOf("Error: ", StringComparison.Ordinal);
        return (error < 0 ? line : line[(error + 7)..]).Trim();
    }
}

using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Mesh.Node.Device.Native;

namespace Mesh.Node.Uapi;

/// <summary>
/// Going to the background: the program is started again in the foreground by a parent that waits for its word. A runtime with threads
/// cannot fork itself.
/// </summary>
static partial class Background
{
    /// <summary>Set for the program in the background: it says <c>ready</c> on its standard output and lets go of the terminal.</summary>
    public const string Variable = "MESH_BACKGROUND";

    const string Word = "ready";

    /// <summary>Starts this program with the arguments and waits until it is ready, or has ended.</summary>
    /// <returns>The exit code: 0 when it is ready.</returns>
    /// <exception cref="MeshFailureException">It cannot be started.</exception>
    public static async Task<int> StartAsync(IEnumerable<string> arguments, CancellationToken cancel)
    {
        var command = OwnProgram.Command;
        ProcessStartInfo start = new(command[0]) { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in command.Skip(1).Concat(arguments))
            start.ArgumentList.Add(argument);
        start.Environment[Variable] = "1";
        try
        {
            using var process = Process.Start(start)!;
            // It ends its output when it lets go of the terminal, and when it dies.
            if (await process.StandardOutput.ReadLineAsync(cancel) == Word)
                return ExitCodes.Done;
            await process.WaitForExitAsync(cancel);
            return process.ExitCode == ExitCodes.Done ? ExitCodes.Failed : process.ExitCode;
        }
        catch (Win32Exception failure)
        {
            throw new MeshFailureException(ExitCodes.Failed, $"cannot start {command[0]}: {failure.Message}", failure);
        }
    }

    /// <summary>Tells the parent and leaves its terminal: standard input and output, and unless the log is wanted the error output, go nowhere.</summary>
    public static unsafe void Ready(bool keepError)
    {
        var word = "ready\n"u8;
        fixed (byte* text = word)
            LibC.Write(1, text, (nuint)word.Length);
        _ = setsid();
        var nowhere = LibC.Open("/dev/null", LibC.O_RDWR | LibC.O_CLOEXEC, 0);
        if (nowhere < 0)
            return;
        // The class library keeps copies of the standard descriptors: a reader of the terminal's end would wait for them too.
        var kept = keepError ? Target("/proc/self/fd/2") : null;
        var left = new[] { 0, 1, 2 }.Select(fd => Target($"/proc/self/fd/{fd}")).OfType<string>().Where(target => target != kept).ToHashSet();
        foreach (var entry in Directory.GetFiles("/proc/self/fd"))
        {
            if (int.TryParse(Path.GetFileName(entry), CultureInfo.InvariantCulture, out var fd) && Target(entry) is { } target && left.Contains(target))
                _ = dup2(nowhere, fd);
        }

        LibC.Close(nowhere);
    }

    static string? Target(string entry)
    {
        try
        {
            return File.ResolveLinkTarget(entry, returnFinalTarget: false)?.FullName;
        }
        catch (IOException)
        {
            return null; // Closed meanwhile.
        }
    }

    [LibraryImport("libc")]
    private static partial int setsid();

    [LibraryImport("libc")]
    private static partial int dup2(int from, int to);
}

using System.Text;

namespace Mesh.Node;

/// <summary>How this program was started, and how it is started again.</summary>
static class OwnProgram
{
    /// <summary>The command that starts this program: its file, or the host of the runtime with the program as its first argument.</summary>
    /// <exception cref="MeshFailureException">The system does not say what file this process was started from.</exception>
    public static IReadOnlyList<string> Command
    {
        get
        {
            var path = Environment.ProcessPath ?? throw new MeshFailureException(ExitCodes.Failed, "cannot find my own program file");
            // Started as `dotnet mesh.dll`, the process is the host and the program is its first argument.
            return Path.GetFileNameWithoutExtension(path) == "dotnet" ? [path, Path.Combine(AppContext.BaseDirectory, "mesh.dll")] : [path];
        }
    }

    /// <summary>
    /// The arguments that were meant: called by a link named <c>wireguard-go</c> or <c>mesh-wireguard</c>, the program is its verb <c>wireguard</c>,
    /// because wg-quick runs a command without arguments of its own.
    /// </summary>
    public static IReadOnlyList<string> Arguments(IReadOnlyList<string> given, string calledAs) =>
        Path.GetFileName(calledAs) is "wireguard-go" or "mesh-wireguard" ? ["wireguard", .. given] : given;

    /// <summary>The name that this process was called by, as its caller wrote it; empty when the system does not say.</summary>
    public static string CalledAs
    {
        get
        {
            try
            {
                var line = File.ReadAllBytes("/proc/self/cmdline");
                var end = Array.IndexOf(line, (byte)0);
                return Encoding.UTF8.GetString(line, 0, end < 0 ? line.Length : end);
            }
            catch (IOException)
            {
                return "";
            }
        }
    }
}

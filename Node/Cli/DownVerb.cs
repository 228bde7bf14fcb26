using System.CommandLine;
using Mesh.Node.Local;

namespace Mesh.Node.Cli;

/// <summary><c>mesh down</c>: takes the tunnel down; the machine stays a member.</summary>
static class DownVerb
{
    public static Command Create(CliConsole console)
    {
        var socket = CommonOptions.Socket();
        var verb = new Verb("down", "Take the tunnel down; the machine stays a member.", "mesh down") { socket };
        verb.SetAction(async (parsed, cancel) =>
        {
            using var client = new LocalClient(CommonOptions.SocketPath(parsed.GetValue(socket), console));
            console.Out.WriteLine((await client.PostAsync("/v1/down", cancel)).Message);
            return ExitCodes.Done;
        });
        return verb;
    }
}

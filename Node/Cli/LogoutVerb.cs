using System.CommandLine;
using Mesh.Node.Local;

namespace Mesh.Node.Cli;

/// <summary><c>mesh logout</c>: leaves the network and removes keys and map.</summary>
static class LogoutVerb
{
    public static Command Create(CliConsole console)
    {
        var socket = CommonOptions.Socket();
        var verb = new Verb("logout", "Leave the network: keys and map are removed from this machine.", "mesh logout") { socket };
        verb.SetAction(async (parsed, cancel) =>
        {
            using var client = new LocalClient(CommonOptions.SocketPath(parsed.GetValue(socket), console));
            console.Out.WriteLine((await client.PostAsync("/v1/logout", cancel)).Message);
            return ExitCodes.Done;
        });
        return verb;
    }
}

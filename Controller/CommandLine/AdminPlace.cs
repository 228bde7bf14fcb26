using Mesh.Controller.Admin;
using Mesh.Controller.Configuration;
using Mesh.Controller.Keys;
using Mesh.Protocol.Admin;

namespace Mesh.Controller.CommandLine;

/// <summary>Finds out which controller is to be asked: the one on this machine by its socket, or others by address and token.</summary>
static class AdminPlace
{
    /// <summary>Names the variable that stands for <c>--server</c>; several are separated by commas.</summary>
    public const string ServerVariable = "MESH_CONTROLLER_URL";

    /// <summary>Names the variable that stands for <c>--token-file</c>.</summary>
    public const string TokenFileVariable = "MESH_TOKEN_FILE";

    /// <summary>Prepares to ask; a flag wins over the environment, so that <c>--socket</c> wins over <see cref="ServerVariable"/>.</summary>
    /// <exception cref="CommandException">What is given cannot be used.</exception>
    public static AdminLink Open(IReadOnlyList<string> servers, string? tokenFile, SettingFlags flags, Terminal terminal)
    {
        if (servers.Count > 0 && flags.Socket is not null)
            throw new CommandException(ExitCode.Usage, "--server and --socket: name one of them");
        if (servers.Count == 0 && flags.Socket is null && terminal.Environment(ServerVariable) is { Length: > 0 } named)
            servers = named.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (servers.Count == 0)
        {
            return tokenFile is null
                ? new SocketLink(ControllerSettings.Resolve(flags, terminal.Environment).Socket)
                : throw new CommandException(ExitCode.Usage, "--token-file is for a controller elsewhere: name it with --server https://HOST:PORT");
        }
        var addresses = servers.Select(server => TokenLink.ParseServer(server)
            ?? throw new CommandException(ExitCode.Usage, $"'{server}' is not a controller's URL: https://HOST:PORT is expected")).ToList();
        tokenFile ??= terminal.Environment(TokenFileVariable);
        if (string.IsNullOrEmpty(tokenFile))
            throw new CommandException(
                ExitCode.Usage, $"a controller elsewhere wants a token: name its file with --token-file or {TokenFileVariable}");
        return new TokenLink(addresses, ReadToken(tokenFile, terminal));
    }

    static TokenString ReadToken(string file, Terminal terminal)
    {
        string? text;
        if (file == "-")
            text = terminal.In.ReadLine();
        else if (File.Exists(file))
            text = System.Text.Encoding.UTF8.GetString(PrivateFile.Read(file));
        else
            throw new CommandException(ExitCode.BadInput, $"there is no token file {file}: 'mesh-controller token create' prints a token");
        return TokenString.TryParse(text, out var token)
            ? token
            : throw new CommandException(
                ExitCode.BadInput, $"{(file == "-" ? "the first line of standard input" : file)} is not a token: mt1_ and 104 characters are expected");
    }
}

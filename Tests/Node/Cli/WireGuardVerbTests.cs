using Mesh.Node;
using Mesh.Node.Cli;

namespace Mesh.Tests.Node.Cli;

/// <summary>What <c>mesh wireguard</c> refuses before it touches the machine, and the names by which it is called.</summary>
public sealed class WireGuardVerbTests
{
    [Theory]
    [InlineData("", "wireguard")]
    [InlineData("'a/b' is not an interface name", "wireguard", "a/b")]
    [InlineData("'sixteencharacter' is not an interface name", "wireguard", "sixteencharacter")]
    [InlineData("'..' is not an interface name", "wireguard", "..")]
    [InlineData("'speed' is no offload", "wireguard", "wg0", "--disable", "tun-coalescing,speed")]
    [InlineData("'0' is not a number from 1 to 16", "wireguard", "wg0", "--queues", "0")]
    public async Task BadArgumentsAreOneLineAndCode64(string expected, params string[] arguments)
    {
        StringWriter error = new();
        var code = await MeshCli.RunAsync(arguments, new CliConsole(new StringWriter(), error, new StringReader(""), _ => null));
        Assert.Equal(ExitCodes.Usage, code);
        Assert.Contains(expected, error.ToString());
        Assert.Single(error.ToString().TrimEnd('\n').Split('\n'));
    }

    [Theory]
    [InlineData("/usr/bin/mesh", "up")]
    [InlineData("/usr/local/bin/wireguard-go", "wireguard", "up")]
    [InlineData("mesh-wireguard", "wireguard", "up")]
    [InlineData("", "up")]
    public void ALinkOfThatNameIsTheVerb(string calledAs, params string[] meant) => Assert.Equal(meant, OwnProgram.Arguments(["up"], calledAs));
}

using Mesh.Controller.Admin;
using Mesh.Controller.CommandLine;
using Mesh.Controller.Shell;

namespace Mesh.Tests.Controller.Shell;

public sealed class VerbCompleterTests
{
    // the line, then all that its last word may become
    [Theory]
    [InlineData("nod", "node")]
    [InlineData("s", "status")]
    [InlineData("he", "help")]
    [InlineData("help no", "node")]
    [InlineData("help node rev", "revoke")]
    [InlineData("serv")]
    [InlineData("cluster st", "status")]
    [InlineData("node li", "list")]
    [InlineData("node show ", "laptop", "server")]
    [InlineData("node show l", "laptop")]
    [InlineData("node approve ", "newcomer")]
    [InlineData("node tag laptop --add c", "ci")]
    [InlineData("node tag laptop --set ", "ci")]
    [InlineData("node show laptop ")]
    [InlineData("node show --json l", "laptop")]
    [InlineData("at -2h no", "node")]
    [InlineData("at -2h node show l", "laptop")]
    [InlineData("map s", "server")]
    [InlineData("node list --j", "--json")]
    [InlineData("credential create --contr", "--controller")]
    [InlineData("credential create --user a", "alice")]
    [InlineData("credential create --user alice --tag c", "ci")]
    [InlineData("credential create --ttl ")]
    [InlineData("credential revoke ", "abcdefghij234567")]
    [InlineData("token revoke ", "desk")]
    [InlineData("token create --name x --scope nodes:read no", "nodes:read", "nodes:write")]
    [InlineData("policy diff 4", "41", "42")]
    [InlineData("policy set -f po", "policy.yaml", "policies/")]
    [InlineData("user create ")]
    [InlineData("node show 'la")]
    [InlineData("nowhere ")]
    public void The_last_word_is_completed_by_what_can_stand_there(string line, params string[] words)
    {
        using var link = new SocketLink("/nowhere");
        var table = VerbTable.CreateForShell(new Terminal { Out = TextWriter.Null, Error = TextWriter.Null, In = TextReader.Null, Environment = _ => null }, link);
        var found = new VerbCompleter(table, Names).Complete(line);
        Assert.Equal(words.Order(StringComparer.Ordinal), found.Words);
        if (words.Length > 0)
            Assert.All(found.Words, word => Assert.StartsWith(line[found.Start..], word));
    }

    [Fact]
    public void A_directory_is_not_the_end_of_a_word()
    {
        using var link = new SocketLink("/nowhere");
        var table = VerbTable.CreateForShell(new Terminal { Out = TextWriter.Null, Error = TextWriter.Null, In = TextReader.Null, Environment = _ => null }, link);
        var completer = new VerbCompleter(table, Names);
        Assert.False(completer.Complete("policy set -f polici").Ends);
        Assert.True(completer.Complete("policy set -f policy").Ends);
    }

    static IEnumerable<string> Names(NameKind kind, string beginning) => kind switch
    {
        NameKind.Node => ["laptop", "server"],
        NameKind.WaitingNode => ["newcomer"],
        NameKind.User => ["alice"],
        NameKind.Tag => ["ci"],
        NameKind.Credential => ["abcdefghij234567"],
        NameKind.Token => ["desk"],
        NameKind.Revision => ["41", "42", "7"],
        NameKind.Scope => Mesh.Actors.Tokens.TokenScopes.All,
        NameKind.File => ["policy.yaml", "policies/"],
        _ => [],
    };
}

using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Mesh.Node.Cli;

/// <summary>Is a command whose help ends with an example.</summary>
sealed class Verb(string name, string description, string example) : Command(name, description)
{
    /// <summary>Gets a command line that works as it stands.</summary>
    public string Example { get; } = example;
}

/// <summary>Prints the library's help and, below it, the verb's example.</summary>
sealed class HelpWithExample(HelpAction help) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var code = help.Invoke(parseResult);
        if (parseResult.CommandResult.Command is Verb verb)
        {
            parseResult.InvocationConfiguration.Output.WriteLine("Example:");
            parseResult.InvocationConfiguration.Output.WriteLine($"  {verb.Example}");
        }
        return code;
    }
}

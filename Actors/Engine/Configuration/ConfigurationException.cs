using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Configuration;

/// <summary>Says in one sentence what is wrong with a configuration, with line and column where they are known.</summary>
public sealed class ConfigurationException(string message, Exception? cause = null) : AkkaException(message, cause)
{
    internal static ConfigurationException At(ConfigPosition position, string problem) =>
        new($"line {position.Line}, column {position.Column}: {problem}");
}

/// <summary>Where a value stands in its text; both numbers start at 1.</summary>
internal readonly record struct ConfigPosition(int Line, int Column);

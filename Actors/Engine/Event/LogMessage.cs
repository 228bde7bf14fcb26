using System.Globalization;

namespace Mesh.Actors.Engine.Event;

/// <summary>A template with its arguments, made into text when somebody reads it.</summary>
public sealed class LogMessage
{
    readonly object?[] _args;

    internal LogMessage(string format, object?[] args)
    {
        Format = format;
        _args = args;
    }

    /// <summary>The template, with <c>{0}</c>, <c>{1}</c>, ... for the arguments.</summary>
    public string Format { get; }

    public IEnumerable<object?> Parameters() => _args;

    public override string ToString()
    {
        try
        {
            return string.Format(CultureInfo.InvariantCulture, Format, _args);
        }
        catch (FormatException)
        {
            // A log line must not fail its writer; what was meant is still readable.
            return $"{Format} <- [{string.Join(", ", _args)}]";
        }
    }
}

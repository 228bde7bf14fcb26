using System.Text.Json.Serialization.Metadata;

namespace Mesh.Actors.Persistence;

/// <summary>
/// One versioned event type: its stable name (<c>credential.used.v1</c>), its CLR type and how it is written. The name is what
/// the journal keeps; a CLR type may be renamed, a name never, and a new shape gets a new version.
/// </summary>
public sealed class EventManifest
{
    private EventManifest(string name, JsonTypeInfo json)
    {
        if (!IsName(name))
            throw new ArgumentException($"event manifest '{name}' must read like 'credential.used.v1'", nameof(name));
        Name = name;
        Json = json;
    }

    /// <summary>The stable name with its version.</summary>
    public string Name { get; }

    /// <summary>The CLR type of the event.</summary>
    public Type Type => Json.Type;

    internal JsonTypeInfo Json { get; }

    /// <summary>Binds a name to an event type and its source-generated JSON.</summary>
    public static EventManifest Of<T>(string name, JsonTypeInfo<T> json)
        where T : notnull => new(name, json);

    private static bool IsName(string name)
    {
        var parts = name.Split('.');
        if (parts.Length < 3 || name.Length > 120)
            return false;
        foreach (var part in parts)
        {
            if (part.Length == 0 || !part.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') || !char.IsAsciiLetterLower(part[0]))
                return false;
        }

        return parts[^1] is ['v', >= '1' and <= '9', ..] version && version.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0;
    }
}

/// <summary>The events that a program may write to its journal and read from it. Immutable; safe for concurrent use.</summary>
public sealed class EventManifests
{
    private readonly Dictionary<string, EventManifest> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<Type, EventManifest> _byType = [];

    /// <summary>Throws when a name or a type occurs twice.</summary>
    public EventManifests(IEnumerable<EventManifest> manifests)
    {
        ArgumentNullException.ThrowIfNull(manifests);
        foreach (var manifest in manifests)
        {
            if (!_byName.TryAdd(manifest.Name, manifest))
                throw new ArgumentException($"event manifest '{manifest.Name}' is registered twice", nameof(manifests));
            if (!_byType.TryAdd(manifest.Type, manifest))
                throw new ArgumentException($"event type {manifest.Type} is registered twice", nameof(manifests));
        }
    }

    /// <summary>All registered events, by name.</summary>
    public IEnumerable<EventManifest> All => _byName.Values.OrderBy(manifest => manifest.Name, StringComparer.Ordinal);

    /// <summary>Finds an event by its stable name.</summary>
    public EventManifest ByName(string name) => _byName.TryGetValue(name, out var manifest)
        ? manifest
        : throw new UnknownEventException($"event '{name}' is not known to this version of the program");

    /// <summary>Finds an event by its CLR type; the exact type counts, not a base.</summary>
    public EventManifest ByType(Type type) => _byType.TryGetValue(type, out var manifest)
        ? manifest
        : throw new UnknownEventException($"type {type} is not registered as an event");

    /// <summary>Writes an event as UTF-8 JSON.</summary>
    public byte[] Encode(object @event)
    {
        ArgumentNullException.ThrowIfNull(@event);
        return System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(@event, ByType(@event.GetType()).Json);
    }

    /// <summary>Reads an event that <see cref="Encode"/> wrote, by its stable name.</summary>
    public object Decode(ReadOnlySpan<byte> payload, string manifest)
    {
        var found = ByName(manifest);
        try
        {
            return System.Text.Json.JsonSerializer.Deserialize(payload, found.Json)
                ?? throw new UnknownEventException($"event '{manifest}' is null in the journal");
        }
        catch (System.Text.Json.JsonException broken)
        {
            throw new UnknownEventException($"event '{manifest}' cannot be read from the journal: {broken.Message}", broken);
        }
    }
}

/// <summary>An event that this program cannot write or read: its name or type is not registered, or its bytes do not fit.</summary>
public sealed class UnknownEventException(string message, Exception? cause = null) : Exception(message, cause);

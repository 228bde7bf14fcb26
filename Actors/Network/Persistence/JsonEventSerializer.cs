namespace Mesh.Actors.Persistence;

/// <summary>
/// Writes events as UTF-8 JSON under their stable manifests (<see cref="EventManifests"/>). What is not registered is refused with
/// <see cref="UnknownEventException"/>. Its identifier, 100, stands beside every event in the journal and never changes.
/// </summary>
public sealed class JsonEventSerializer(EventManifests manifests) : SerializerWithStringManifest(null)
{
    /// <summary>The identifier in the journal's rows.</summary>
    public const int StableIdentifier = 100;

    /// <inheritdoc/>
    public override int Identifier => StableIdentifier;

    /// <inheritdoc/>
    public override string Manifest(object o)
    {
        ArgumentNullException.ThrowIfNull(o);
        return manifests.ByType(o.GetType()).Name;
    }

    /// <inheritdoc/>
    public override byte[] ToBinary(object obj) => manifests.Encode(obj);

    /// <inheritdoc/>
    public override object FromBinary(byte[] bytes, string manifest) => manifests.Decode(bytes, manifest);
}

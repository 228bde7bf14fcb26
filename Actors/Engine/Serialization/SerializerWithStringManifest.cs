using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Serialization;

/// <summary>
/// Turns objects into bytes and a name of their type, and back. The name is stable across versions of the program. Safe for concurrent use.
/// </summary>
public abstract class SerializerWithStringManifest
{
    /// <summary>Belongs to a system, or to none where it needs none.</summary>
    protected SerializerWithStringManifest(ExtendedActorSystem? system) => System = system;

    /// <summary>Names the serializer in what it wrote; 0 to 99 are taken.</summary>
    public abstract int Identifier { get; }

    /// <summary>The system that it belongs to, if any.</summary>
    protected ExtendedActorSystem? System { get; }

    /// <summary>Names the type of an object.</summary>
    public abstract string Manifest(object o);

    /// <summary>Writes an object.</summary>
    public abstract byte[] ToBinary(object obj);

    /// <summary>Reads an object back, by the name of its type.</summary>
    public abstract object FromBinary(byte[] bytes, string manifest);
}

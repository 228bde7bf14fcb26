using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine;

/// <summary>
/// Holds the published surface of the engine as text: what changes it, changes <c>PublicApi.approved.txt</c>, and is compared with the
/// surface that it mirrors. <c>MESH_APPROVE=1</c> writes the file anew.
/// </summary>
public sealed class PublicApiTests
{
    [Fact]
    public void The_surface_is_the_approved_one()
    {
        var path = Path.Combine(Folder(), "PublicApi.approved.txt");
        var actual = Render();
        if (Environment.GetEnvironmentVariable("MESH_APPROVE") == "1")
            File.WriteAllText(path, actual);
        Assert.Equal(File.ReadAllText(path), actual);
    }

    static string Render()
    {
        var text = new StringBuilder();
        var types = typeof(ActorSystem).Assembly.GetExportedTypes()
            .OrderBy(type => type.FullName, StringComparer.Ordinal);
        foreach (var type in types)
        {
            text.Append(Kind(type)).Append(' ').Append(Name(type, true));
            if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum))
                text.Append(" : ").Append(Name(parent, true));
            text.Append('\n');
            foreach (var member in Members(type).Order(StringComparer.Ordinal))
                text.Append("    ").Append(member).Append('\n');
        }
        return text.ToString();
    }

    static IEnumerable<string> Members(Type type)
    {
        const BindingFlags Declared =
            BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        if (type.IsEnum)
            return Enum.GetNames(type).Select(name => $"{name} = {(int)Enum.Parse(type, name)}");
        if (typeof(Delegate).IsAssignableFrom(type))
            return [Signature(type.GetMethod("Invoke")!)];
        var fields = type.GetFields(Declared).Where(field => field.IsPublic || field.IsFamily)
            .Select(field => $"{Access(field.IsPublic)}{(field.IsStatic ? "static " : "")}{Name(field.FieldType)} {field.Name}");
        var constructors = type.GetConstructors(Declared).Where(Visible)
            .Select(constructor => $"{Access(constructor.IsPublic)}.ctor({Parameters(constructor)})");
        var methods = type.GetMethods(Declared).Where(method => Visible(method) && !Inherited(method)).Select(Signature);
        return fields.Concat(constructors).Concat(methods);
    }

    static string Signature(MethodInfo method)
    {
        var how = method.IsStatic ? "static " : method.IsAbstract ? "abstract " : method.IsVirtual && !method.IsFinal ? "virtual " : "";
        var generic = method.IsGenericMethodDefinition
            ? $"<{string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name))}>"
            : "";
        var extension = method.IsDefined(typeof(ExtensionAttribute)) ? "this " : "";
        return $"{Access(method.IsPublic)}{how}{Name(method.ReturnType)} {method.Name}{generic}({extension}{Parameters(method)})";
    }

    static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
        $"{(parameter.IsDefined(typeof(ParamArrayAttribute)) ? "params " : "")}{Name(parameter.ParameterType)} {parameter.Name}"
        + (parameter.HasDefaultValue ? $" = {parameter.DefaultValue ?? "null"}" : "")));

    static bool Visible(MethodBase method) => method.IsPublic || method.IsFamily;

    // What every object has says nothing.
    static bool Inherited(MethodInfo method) => method.GetBaseDefinition().DeclaringType == typeof(object);

    static string Access(bool isPublic) => isPublic ? "" : "protected ";

    static string Kind(Type type) =>
        type.IsInterface ? "interface"
        : type.IsEnum ? "enum"
        : type.IsValueType ? "struct"
        : typeof(Delegate).IsAssignableFrom(type) ? "delegate"
        : type is { IsAbstract: true, IsSealed: true } ? "static class"
        : type.IsAbstract ? "abstract class"
        : type.IsSealed ? "sealed class"
        : "class";

    static string Name(Type type, bool full = false)
    {
        if (type.IsGenericParameter)
            return type.Name;
        if (type.IsArray)
            return $"{Name(type.GetElementType()!)}[]";
        var name = full ? type.FullName ?? type.Name : type.Name;
        if (!type.IsGenericType)
            return name;
        var tick = name.IndexOf('`', StringComparison.Ordinal);
        return $"{name[..tick]}<{string.Join(", ", type.GetGenericArguments().Select(argument => Name(argument)))}>";
    }

    static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
